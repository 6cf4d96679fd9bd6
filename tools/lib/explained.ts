/** What went wrong with a server, for people. */
import { Refused } from './resource.ts';
import { SignalRefusal } from './signal-refusal.ts';

export function explained(error: unknown, url: URL): Error {
  if (error instanceof Refused) {
    return new Error(`The server refuses it (${error.status}): ${error.message}`, { cause: error });
  }
  if (error instanceof SignalRefusal) {
    return new Error(`The server refuses it (${error.code}): ${error.message}`, { cause: error });
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ECONNREFUSED') return new Error(`Nobody answers at ${url.origin}. Is the server running?`);
  const message = cause instanceof Error ? cause.message : String(cause);
  return new Error(`It did not work with ${url.origin}: ${message}`, { cause: error });
}
