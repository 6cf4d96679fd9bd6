import type { EndReason } from '../../server/protocol/codes.ts';
import type { Notice } from '../../server/protocol/messages.ts';
import { type Explanation, explain, sentence } from '../base/explain.ts';
import type { Tone } from '../base/status.tsx';
import type { PharosClientError } from '../lib/errors.ts';
import type { ViewerState } from '../lib/viewer.ts';

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
      return { tone: 'idle', text: 'Stopped' };
    case 'connecting':
      return { tone: 'busy', text: 'Connecting' };
    case 'waiting':
      return { tone: 'busy', text: 'Waiting' };
    case 'live':
      if (trouble) return { tone: 'busy', text: 'Connection trouble' };
      return { tone: 'good', text: interrupted ? 'Live, server out of reach' : 'Live' };
    case 'away':
      return { tone: 'busy', text: 'Publisher away' };
    case 'ended':
      return { tone: 'idle', text: end(state.reason) };
    case 'reconnecting':
      return { tone: 'busy', text: 'Reconnecting' };
    case 'failed':
      return { tone: 'bad', text: failure(state.error) };
  }
}

function end(reason: EndReason): string {
  if (reason === 'wait_timeout') return 'Nobody is live';
  return reason === 'not_allowed' || reason === 'removed' ? 'Not allowed' : 'Ended';
}

function failure({ code }: PharosClientError): string {
  if (code === 'stream_not_found') return 'Not found';
  if (code === 'not_allowed') return 'Not allowed';
  return code === 'full' ? 'Full' : 'Failed';
}

export type Message = Explanation & {
  /** There is nothing to wait for: offer to try again. */
  again?: string;
};

/** What stands in place of the picture; undefined while there is one, or is about to be. */
export function messageFor(state: ViewerState, identifier: string): Message | undefined {
  switch (state.name) {
    case 'idle':
      return { title: 'You left the stream', text: '', again: 'Watch again' };
    case 'waiting':
      if (state.notice) return fromNotice(state.notice);
      return {
        title: 'Waiting for the stream to start',
        text: `Nobody is live as “${identifier}” yet. It will play here by itself.`,
      };
    case 'ended':
      if (state.waiting && state.notice) return fromNotice(state.notice);
      return describeEnd(state.reason, state.waiting, identifier);
    case 'failed':
      return { ...explainFailure(state.error, identifier), again: 'Try again' };
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
    title: code === 'no_room' ? 'There is no room just now' : 'The stream cannot start yet',
    text: `${sentence(message)} It will play here by itself as soon as it can.`,
  };
}

function describeEnd(reason: EndReason, waiting: boolean, identifier: string): Message {
  if (reason === 'wait_timeout') {
    return {
      title: 'Nobody went live',
      text: `There is no stream “${identifier}” so far. Check the identifier, or look in later.`,
      again: 'Wait again',
    };
  }
  if (!waiting && reason === 'not_allowed') {
    return {
      title: 'You may not watch this any longer',
      text: 'What let you watch this stream has expired or was taken back. Ask for a new link.',
    };
  }
  if (!waiting && reason === 'removed') {
    return { title: 'You were removed from this stream', text: 'Whoever runs this server ended it for you.' };
  }
  if (!waiting && reason === 'over_limit') {
    return { title: 'The server ended this', text: 'It was more than the server lets one viewer have.' };
  }
  const title = reason === 'stopped' ? 'The stream has ended' : 'The stream was interrupted';
  if (waiting) return { title, text: 'It will start again here by itself, should the publisher come back.' };
  return { title, text: '', again: 'Watch again' };
}

function explainFailure(error: PharosClientError, identifier: string): Explanation {
  switch (error.code) {
    case 'stream_not_found':
      return {
        title: 'There is no such stream',
        text: `Nobody is live as “${identifier}”. Check the identifier, or look in later.`,
      };
    case 'not_allowed':
      return {
        title: 'This stream is private',
        text: 'Ask for a link that lets you watch. If you have one, it may have expired.',
      };
    case 'full':
      return {
        title: 'This stream is full',
        text: 'As many people are watching as the server takes. Try again when somebody has left.',
      };
    case 'unsupported_codec':
      return {
        title: 'This browser cannot play this stream',
        text: 'It has no decoder for what the publisher sends. Try another browser.',
      };
    default:
      return explain(error);
  }
}
