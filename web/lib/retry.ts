import type { EndReason } from '../../server/protocol/codes.ts';
import { PharosClientError, StreamEnded } from './errors.ts';

type Code = PharosClientError['code'];

/** Told by a server that is there: to begin anew is worth a try at once. */
const TOLD: ReadonlySet<Code> = new Set(['session_lost', 'moved']);
/** Passing, by their nature. */
const PASSING: ReadonlySet<Code> = new Set([...TOLD, 'connection_lost', 'timeout', 'server_closing']);
/** Passing for someone who was in before: the server may be starting, or replacing what failed. */
const PASSING_FOR_MEMBERS: ReadonlySet<Code> = new Set(['too_many_requests', 'unavailable', 'internal']);
/** The server may still hold our old place; or else others have taken it. */
const OUR_PLACE: ReadonlySet<Code> = new Set(['full', 'server_full']);
const PLACE_TRIES = 6;
/** Each takes the browser half a minute to give up. */
const UNREACHABLE_TRIES = 2;

/** How far one got before what went wrong. */
export type Progress = {
  /** The server took us in. */
  member: boolean;
  /** Media got through. */
  reached: boolean;
};

/** Whether another attempt has a chance, after `attempt` delays without success. */
export function worthRetrying(
  { code }: PharosClientError,
  attempt: number,
  { member, reached }: Progress,
): boolean {
  if (PASSING.has(code)) return true;
  if (PASSING_FOR_MEMBERS.has(code)) return member;
  if (OUR_PLACE.has(code)) return member && attempt < PLACE_TRIES;
  return code === 'media_unreachable' && (reached || attempt < UNREACHABLE_TRIES);
}

export function isTold({ code }: PharosClientError): boolean {
  return TOLD.has(code);
}

/**
 * What an `ended` event that leaves nothing to wait for means: a fault, after which it is worth beginning
 * anew, or a decision. `loss` is what to say of the media path.
 */
export function endOf(reason: EndReason, loss: PharosClientError): PharosClientError {
  switch (reason) {
    case 'media_lost':
      return loss.code === 'media_unreachable' ? loss : sessionLost(reason);
    case 'worker_failed':
      return sessionLost(reason);
    case 'server_closing':
      return new PharosClientError('server_closing', 'The server is shutting down.');
    default:
      return new StreamEnded(reason);
  }
}

export function moved(): PharosClientError {
  return new PharosClientError('moved', 'The server is shutting down; another one goes on.');
}

function sessionLost(reason: EndReason): PharosClientError {
  return new PharosClientError('session_lost', `The server ended the session (${reason}).`);
}
