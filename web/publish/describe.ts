import type { EndReason } from '../../server/protocol/codes.ts';
import { type Explanation, explain } from '../base/explain.ts';
import type { Tone } from '../base/status.tsx';
import type { PharosClientError } from '../lib/errors.ts';
import type { PublisherState } from '../lib/publisher.ts';

export function isActive({ name }: PublisherState): boolean {
  return name === 'connecting' || name === 'live' || name === 'reconnecting';
}

export function isKeyRefused(state: PublisherState): boolean {
  return state.name === 'failed' && state.error.code === 'not_allowed';
}

type Circumstances = {
  trouble: boolean;
  /** There is something to send. */
  ready: boolean;
};

export function describe(
  state: PublisherState,
  { trouble, ready }: Circumstances,
): { tone: Tone; text: string } {
  switch (state.name) {
    case 'idle':
      return { tone: 'idle', text: ready ? 'Ready' : 'Not ready' };
    case 'connecting':
      return { tone: 'busy', text: 'Connecting' };
    case 'live':
      return trouble ? { tone: 'busy', text: 'Live, connection trouble' } : { tone: 'good', text: 'Live' };
    case 'reconnecting':
      return { tone: 'busy', text: 'Reconnecting' };
    case 'ended':
      return { tone: 'idle', text: 'Ended' };
    case 'failed':
      return { tone: 'bad', text: 'Failed' };
  }
}

export function explainFailure(error: PharosClientError, stream: string): Explanation {
  switch (error.code) {
    case 'stream_in_use':
      return {
        title: `The identifier “${stream}” is in use already`,
        text: 'Another publisher is live with it. Choose another one, or leave the field empty to get a new one.',
      };
    case 'not_allowed':
      return {
        title: 'Publishing here needs the publish key',
        text: 'It is missing or wrong. Enter it, or use the publish link that the server printed when it started.',
      };
    case 'unsupported_codec':
      return {
        title: 'This browser cannot send with this codec',
        text: 'Choose the other codec and start again.',
      };
    default:
      return explain(error);
  }
}

/** Nothing to explain when it was the user who stopped. */
export function explainEnd(reason: EndReason): Explanation | undefined {
  if (reason === 'stopped') return undefined;
  if (reason === 'taken_over') {
    return {
      title: 'This stream goes on somewhere else',
      text: 'It was started again with the same key, on another page or in an encoder, while this page was silent.',
    };
  }
  return { title: 'The stream has ended', text: 'The server ended it. Press Start to go live again.' };
}
