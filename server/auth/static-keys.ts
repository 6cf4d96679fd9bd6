import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import { subjectOfKey, type Terms } from './grant.ts';

type Entry = { digest: Buffer; terms: Terms };

/** Keys that the configuration gives, or that were generated: compared by digest, each time with all of them. */
export class StaticKeys {
  readonly #entries: readonly Entry[];

  constructor({ publish, admin }: { publish: string; admin: string }, more: Config['auth']['keys'] = []) {
    const ours = { streams: '*', limits: {} };
    this.#entries = [
      entry(publish, { ...ours, subject: subjectOfKey('publishKey'), actions: ['publish'] }),
      entry(admin, { ...ours, subject: subjectOfKey('adminKey'), actions: ['administer'] }),
      ...more.map(({ name, key, actions, streams, expires, limits }) => {
        const subject = subjectOfKey(name);
        const until = expires === undefined ? undefined : Date.parse(expires);
        return entry(key, { subject, actions, streams, limits, expires: until });
      }),
    ];
  }

  /** Takes the same time whichever key it is, and if it is none. */
  find(key: string): Terms | undefined {
    const given = digest(key);
    let found: Terms | undefined;
    for (const { digest, terms } of this.#entries) if (timingSafeEqual(given, digest)) found = terms;
    return found;
  }
}

function entry(key: string, terms: Terms): Entry {
  return { digest: digest(key), terms };
}

/** Of equal length, whatever the key's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
