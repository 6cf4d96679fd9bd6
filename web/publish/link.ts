import { isIdentifier } from '../base/identifier.ts';
import { takeKey } from '../base/key.ts';

/** What a publish link brings: `/publish?stream=stage-2#key=…` is for one stream only. */
export type PublishLink = { stream: string | undefined; keyName: string; key: string | undefined };

export function takePublishLink(): PublishLink {
  const given = new URLSearchParams(location.search).get('stream') ?? '';
  const stream = isIdentifier(given) ? given : undefined;
  const keyName = stream === undefined ? 'key' : `key.${stream}`;
  return { stream, keyName, key: takeKey(keyName) };
}
