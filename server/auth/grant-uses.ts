/** What a token is good for, and where: for `npm run grant` and for the REST API. */
import type { Config } from '../../config/schema.ts';
import { matchesStream } from '../base/stream-pattern.ts';
import type { Action } from './grant.ts';

export type Use = {
  name: 'Publish' | 'OBS, WHIP' | 'Watch' | 'WHEP' | 'Record' | 'Dashboard' | 'Administer';
  url: string;
  /** The token is in the address, which is all that its holder needs; elsewhere it is a bearer token. */
  link: boolean;
};

type Granted = { action: Action; stream: string };

/** @param base where the server is reached, without a slash at its end. */
export function usesOf({ action, stream }: Granted, base: string, token: string): Use[] {
  const one = !stream.includes('*');
  const id = one ? stream : 'ID';
  switch (action) {
    case 'publish':
      return [
        { name: 'Publish', url: `${base}/publish${one ? `?stream=${stream}` : ''}#key=${token}`, link: true },
        { name: 'OBS, WHIP', url: `${base}/whip/${id}`, link: false },
      ];
    case 'watch':
      return [
        { name: 'Watch', url: `${base}/watch/${id}#key=${token}`, link: true },
        { name: 'WHEP', url: `${base}/whep/${id}`, link: false },
      ];
    case 'record':
      return [{ name: 'Record', url: `${base}/api/streams/${id}/recording`, link: false }];
    case 'administer':
      return [
        { name: 'Dashboard', url: `${base}/admin#key=${token}`, link: true },
        { name: 'Administer', url: `${base}/api`, link: false },
      ];
  }
}

/** What whoever hands it out should know; undefined where there is nothing. */
export function noteOn({ action, stream }: Granted, auth: Config['auth']): string | undefined {
  if (action !== 'watch' || stream.includes('*')) return undefined;
  if (auth.private.some((pattern) => matchesStream(pattern, stream))) return undefined;
  return `"${stream}" is not private: whoever knows its id watches it without this (auth.private)`;
}
