import { session } from './storage.ts';

/**
 * The key of a link that the server printed, `/publish#key=…`. In the fragment
 * it reaches no server and no log; out of the address bar it is on no shared
 * screen. The tab remembers it, by `name`, for a reload.
 */
export function takeKey(name: string): string | undefined {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const key = fragment.get('key') ?? undefined;
  if (key === undefined) return session.get(name);
  session.set(name, key);
  history.replaceState(history.state, '', location.pathname + location.search);
  return key;
}

export function rememberKey(name: string, key: string | undefined): void {
  session.set(name, key);
}
