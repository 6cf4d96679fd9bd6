import { session } from './storage.ts';

/**
 * The key of a link that somebody was given, `/publish#key=…` or `/watch/stage-2#key=…`: a key or a token.
 * In the fragment it reaches no server and no log; out of the address bar it is on no shared
 * screen. The tab remembers it, by `name`, for a reload.
 */
export function takeKey(name: string): string | undefined {
  const key = keyIn(location.hash);
  if (key === undefined) return session.get(name);
  session.set(name, key);
  history.replaceState(history.state, '', location.pathname + location.search);
  return key;
}

/**
 * The same for a page that is in a hurry: the entry in the tab's history remembers it, as a browser may
 * have to read storage from disk.
 */
export function takeEntryKey(): string | undefined {
  const key = keyIn(location.hash);
  if (key === undefined) return entryKey(history.state);
  history.replaceState(entryState(key), '', location.pathname + location.search);
  return key;
}

/** What an entry in the history remembers a key by. */
export function entryState(key: string | undefined): { key: string } | null {
  return key === undefined ? null : { key };
}

function entryKey(state: unknown): string | undefined {
  const known = typeof state === 'object' && state !== null && 'key' in state;
  return known && typeof state.key === 'string' ? state.key : undefined;
}

/** The key in the fragment of a link, or of what people paste. */
export function keyIn(link: string): string | undefined {
  const start = link.indexOf('#');
  const fragment = new URLSearchParams(start < 0 ? '' : link.slice(start + 1).trim());
  return fragment.get('key') || undefined;
}

export function rememberKey(name: string, key: string | undefined): void {
  session.set(name, key);
}
