import { session } from '../base/storage.ts';

/**
 * The publish key of the link that the server printed, `/publish#key=…`. In the
 * fragment it reaches no server and no log; out of the address bar it is on no
 * shared screen. The tab remembers it for a reload.
 */
export function takeKey(): string | undefined {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const key = fragment.get('key') ?? undefined;
  if (key === undefined) return session.get('key');
  session.set('key', key);
  history.replaceState(history.state, '', location.pathname + location.search);
  return key;
}

export function rememberKey(key: string): void {
  session.set('key', key);
}
