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
      return { tone: 'idle', text: ready ? 'Ready' : 'Not ready' };
    case 'connecting':
      return { tone: 'busy', text: 'Connecting' };
    case 'live':
      if (trouble) return { tone: 'busy', text: 'Live, connection trouble' };
      return { tone: 'good', text: interrupted ? 'Live, server out of reach' : 'Live' };
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
        text: 'It is missing, wrong, expired, or for another stream. Enter it, or use the publish link that you were given, or that the server printed when it started.',
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
  switch (reason) {
    case 'stopped':
      return undefined;
    case 'taken_over':
      return {
        title: 'This stream goes on somewhere else',
        text: 'It was started again by the same publisher, on another page or in an encoder.',
      };
    case 'not_allowed':
      return {
        title: 'You may not publish any longer',
        text: 'What let you publish this stream has expired or was taken back. Ask for a new link.',
      };
    case 'removed':
      return { title: 'This stream was ended', text: 'Whoever runs this server ended it.' };
    case 'over_limit':
      return {
        title: 'The server ended the stream',
        text: 'It sent more than it may. Choose a lower resolution, then start again.',
      };
    default:
      return { title: 'The stream has ended', text: 'The server ended it. Press Start to go live again.' };
  }
}
