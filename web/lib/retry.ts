import type { EndReason } from '../../server/protocol/codes.ts';
import { type PharosClientError, StreamEnded } from './errors.ts';

type Code = PharosClientError['code'];

/** Passing, by their nature. */
const PASSING: ReadonlySet<Code> = new Set(['connection_lost', 'timeout', 'server_closing']);
/** Passing for someone who was in before: the server may be starting, or still hold our old place. */
const PASSING_FOR_MEMBERS: ReadonlySet<Code> = new Set([
  'too_many_requests',
  'full',
  'server_full',
  'unavailable',
  'internal',
]);
const MEMBER_TRIES = 6;
/** Each takes the browser half a minute to give up. */
const UNREACHABLE_TRIES = 2;

/** Whether another attempt has a chance, after `attempt` delays without success. */
export function worthRetrying(error: PharosClientError, attempt: number, member: boolean): boolean {
  if (PASSING.has(error.code)) return true;
  if (PASSING_FOR_MEMBERS.has(error.code)) return member && attempt < MEMBER_TRIES;
  return error.code === 'media_unreachable' && attempt < UNREACHABLE_TRIES;
}

/** Ends that are faults, not decisions: worth joining or publishing again. */
export function isFault(reason: EndReason): boolean {
  return reason === 'media_lost' || reason === 'worker_failed' || reason === 'server_closing';
}

/** What an `ended` event that leaves nothing to wait for means for the attempt. */
export function endOf(reason: EndReason, loss: PharosClientError): PharosClientError {
  return isFault(reason) ? loss : new StreamEnded(reason);
}
