import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../../config/schema.ts';

/** What is known of whoever asks. */
export type Requester = {
  /** Whether it is a browser on this very machine, as far as that can be told. */
  local: boolean;
  key?: string | undefined;
};

export type GrantKeys = { publish: string; admin: string };

/** Decides who may publish, and who may administer. Watching needs nothing but the stream id. */
export class Grants {
  readonly #publish: Config['auth']['publish'];
  readonly #digests: Record<keyof GrantKeys, Buffer>;

  constructor(publish: Config['auth']['publish'], keys: GrantKeys) {
    this.#publish = publish;
    this.#digests = { publish: digest(keys.publish), admin: digest(keys.admin) };
  }

  keyNeeded(requester: Requester): boolean {
    return this.#publish === 'key' || (this.#publish === 'local' && !requester.local);
  }

  mayPublish(requester: Requester): boolean {
    return !this.keyNeeded(requester) || this.#isKey('publish', requester.key ?? '');
  }

  /** From wherever, and on this machine too, by the admin key alone. */
  mayAdminister(key: string | undefined): boolean {
    return this.#isKey('admin', key ?? '');
  }

  /** Digests of equal length, compared in constant time. */
  #isKey(kind: keyof GrantKeys, key: string): boolean {
    return timingSafeEqual(digest(key), this.#digests[kind]);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
