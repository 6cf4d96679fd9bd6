import { isIdentifier } from '../base/identifier.ts';
import { keyIn } from '../base/key.ts';

export type Address = {
  /** The stream's server. */
  server: string;
  identifier: string;
  key: string | undefined;
};

/** What a watch link names, or that of a frame; a key may be in its fragment. Undefined: it is none. */
export function addressOf(link: string, base: string): Address | undefined {
  if (!URL.canParse(link, base)) return undefined;
  const url = new URL(link, base);
  const identifier = /^\/(?:watch|embed)\/([^/]+)\/?$/.exec(url.pathname)?.[1];
  if (!/^https?:$/.test(url.protocol) || identifier === undefined || !isIdentifier(identifier))
    return undefined;
  return { server: url.origin, identifier, key: keyIn(url.hash) };
}
