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

/** The key in the fragment of a link, or of what people paste. */
export function keyIn(link: string): string | undefined {
  const start = link.indexOf('#');
  const fragment = new URLSearchParams(start < 0 ? '' : link.slice(start + 1).trim());
  return fragment.get('key') || undefined;
}

export function rememberKey(name: string, key: string | undefined): void {
  session.set(name, key);
}
