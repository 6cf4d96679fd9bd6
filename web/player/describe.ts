import type { EndReason } from '../../server/protocol/codes.ts';
import type { Notice } from '../../server/protocol/messages.ts';
import { type Explanation, explain, sentence } from '../base/explain.ts';
import type { Tone } from '../base/status.tsx';
import type { PharosClientError } from '../lib/errors.ts';
import type { ViewerEvents, ViewerState } from '../lib/viewer-facts.ts';
import { t } from './text.ts';

type Circumstances = {
  trouble: boolean;
  /** The server has been out of reach for a while; media goes on. */
  interrupted: boolean;
};

export function describe(
  state: ViewerState,
  { trouble, interrupted }: Circumstances,
): { tone: Tone; text: string } {
  switch (state.name) {
    case 'idle':
      return { tone: 'idle', text: t('state.idle') };
    case 'connecting':
      return { tone: 'busy', text: t('state.connecting') };
    case 'waiting':
      return { tone: 'busy', text: t('state.waiting') };
    case 'live':
      if (trouble) return { tone: 'busy', text: t('state.trouble') };
      return { tone: 'good', text: t(interrupted ? 'state.interrupted' : 'state.live') };
    case 'away':
      return { tone: 'busy', text: t('state.away') };
    case 'ended':
      return { tone: 'idle', text: end(state.reason) };
    case 'reconnecting':
      return { tone: 'busy', text: t('state.reconnecting') };
    case 'failed':
      return { tone: 'bad', text: failure(state.error) };
  }
}

function end(reason: EndReason): string {
  if (reason === 'wait_timeout') return t('state.nobody');
  return reason === 'not_allowed' || reason === 'removed' ? t('state.forbidden') : t('state.ended');
}

function failure({ code }: PharosClientError): string {
  if (code === 'stream_not_found') return t('state.missing');
  if (code === 'not_allowed') return t('state.forbidden');
  return t(code === 'full' ? 'state.full' : 'state.failed');
}

export type Message = Explanation & {
  /** There is nothing to wait for: offer to try again. */
  again?: string;
};

/** What is said over the picture, as long as it is so. */
export function bannerFor(
  state: ViewerState,
  trouble: boolean,
  unplayable: ViewerEvents['unplayable'],
): string | undefined {
  if (state.name === 'away') return state.notice ? sentence(state.notice.message) : t('banner.away');
  if (state.name === 'reconnecting') return t('banner.reconnecting');
  if (trouble) return t('banner.trouble');
  const kinds = unplayable.map(({ kind }) => kind);
  if (kinds.includes('video')) return t('banner.picture');
  return kinds.includes('audio') ? t('banner.sound') : undefined;
}

/** What stands in place of the picture; undefined while there is one, or is about to be. */
export function messageFor(state: ViewerState, identifier: string): Message | undefined {
  switch (state.name) {
    case 'idle':
      return { title: t('left'), text: '', again: t('again.watch') };
    case 'waiting':
      if (state.notice) return fromNotice(state.notice);
      return {
        title: t('waiting'),
        text: t('waiting.do', { identifier }),
      };
    case 'ended':
      if (state.waiting && state.notice) return fromNotice(state.notice);
      return describeEnd(state.reason, state.waiting, identifier);
    case 'failed':
      return { ...explainFailure(state.error, identifier), again: t('again.try') };
    case 'connecting':
    case 'live':
    case 'away':
    case 'reconnecting':
      return undefined;
  }
}

/** The server knows why: a camera that cannot be reached, say, or too many viewers. */
function fromNotice({ code, message }: Notice): Message {
  return {
    title: t(code === 'no_room' ? 'room' : 'cannot'),
    text: t('soon', { sentence: sentence(message) }),
  };
}

function describeEnd(reason: EndReason, waiting: boolean, identifier: string): Message {
  if (reason === 'wait_timeout') {
    return {
      title: t('nobody'),
      text: t('nobody.do', { identifier }),
      again: t('again.wait'),
    };
  }
  if (!waiting && reason === 'not_allowed') {
    return { title: t('expired'), text: t('expired.do') };
  }
  if (!waiting && reason === 'removed') {
    return { title: t('removed'), text: t('removed.do') };
  }
  if (!waiting && reason === 'over_limit') {
    return { title: t('limit'), text: t('limit.do') };
  }
  const title = t(reason === 'stopped' ? 'ended' : 'broken');
  if (waiting) return { title, text: t('broken.do') };
  return { title, text: '', again: t('again.watch') };
}

function explainFailure(error: PharosClientError, identifier: string): Explanation {
  switch (error.code) {
    case 'stream_not_found':
      return { title: t('missing'), text: t('missing.do', { identifier }) };
    case 'not_allowed':
      return { title: t('private'), text: t('private.do') };
    case 'full':
      return { title: t('full'), text: t('full.do') };
    case 'unsupported_codec':
      return { title: t('codec'), text: t('codec.do') };
    default:
      return explain(error);
  }
}
