import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../../config/schema.ts';

/** What is known of whoever asks. */
export type Requester = {
  /** Whether it is a browser on this very machine, as far as that can be told. */
  local: boolean;
  key?: string | undefined;
};

/** Decides who may publish. Watching needs nothing but the stream id. */
export class Grants {
  readonly #publish: Config['auth']['publish'];
  readonly #keyDigest: Buffer;

  constructor(publish: Config['auth']['publish'], publishKey: string) {
    this.#publish = publish;
    this.#keyDigest = digest(publishKey);
  }

  keyNeeded(requester: Requester): boolean {
    return this.#publish === 'key' || (this.#publish === 'local' && !requester.local);
  }

  mayPublish(requester: Requester): boolean {
    return !this.keyNeeded(requester) || this.#isKey(requester.key ?? '');
  }

  /** Digests of equal length, compared in constant time. */
  #isKey(key: string): boolean {
    return timingSafeEqual(digest(key), this.#keyDigest);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
