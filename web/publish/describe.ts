import type { EndReason } from '../../server/protocol/codes.ts';
import { type Explanation, explain } from '../base/explain.ts';
import type { Tone } from '../base/status.tsx';
import type { PharosClientError } from '../lib/errors.ts';
import type { PublisherState } from '../lib/publisher-facts.ts';
import { t } from './text.ts';

export function isActive({ name }: PublisherState): boolean {
  return name === 'connecting' || name === 'live' || name === 'reconnecting';
}

export function isKeyRefused(state: PublisherState): boolean {
  return state.name === 'failed' && state.error.code === 'not_allowed';
}

type Circumstances = {
  trouble: boolean;
  /** The server has been out of reach for a while; media goes on. */
  interrupted: boolean;
  /** There is something to send. */
  ready: boolean;
};

export function describe(
  state: PublisherState,
  { trouble, interrupted, ready }: Circumstances,
): { tone: Tone; text: string } {
  switch (state.name) {
    case 'idle':
      return { tone: 'idle', text: t(ready ? 'status.ready' : 'status.notReady') };
    case 'connecting':
      return { tone: 'busy', text: t('status.connecting') };
    case 'live':
      if (trouble) return { tone: 'busy', text: t('status.liveTrouble') };
      return { tone: 'good', text: t(interrupted ? 'status.liveAlone' : 'status.live') };
    case 'reconnecting':
      return { tone: 'busy', text: t('status.reconnecting') };
    case 'ended':
      return { tone: 'idle', text: t('status.ended') };
    case 'failed':
      return { tone: 'bad', text: t('status.failed') };
  }
}

export function explainFailure(error: PharosClientError, stream: string): Explanation {
  switch (error.code) {
    case 'stream_in_use':
      return { title: t('failure.inUse.title', { stream }), text: t('failure.inUse.text') };
    case 'not_allowed':
      return { title: t('failure.key.title'), text: t('failure.key.text') };
    case 'unsupported_codec':
      return { title: t('failure.codec.title'), text: t('failure.codec.text') };
    default:
      return explain(error);
  }
}

/** Nothing to explain when it was the user who stopped. */
export function explainEnd(reason: EndReason): Explanation | undefined {
  switch (reason) {
    case 'stopped':
      return undefined;
    case 'taken_over':
      return { title: t('end.takenOver.title'), text: t('end.takenOver.text') };
    case 'not_allowed':
      return { title: t('end.notAllowed.title'), text: t('end.notAllowed.text') };
    case 'removed':
      return { title: t('end.removed.title'), text: t('end.removed.text') };
    case 'over_limit':
      return { title: t('end.overLimit.title'), text: t('end.overLimit.text') };
    default:
      return { title: t('end.other.title'), text: t('end.other.text') };
  }
}
