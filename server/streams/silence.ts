/** Without anything received for so long it is silent, in ms; a packet every few is what media sends. */
const SILENT_AFTER = 3000;

/** Judges whether a publisher is there, by what is found to come from it. Pure: time comes in, in ms. */
export class Silence {
  /** When something came last; before that it is not silent, but yet to begin. */
  #heardAt: number | undefined;
  #silent = false;

  get silent(): boolean {
    return this.#silent;
  }

  /** @returns whether it is silent, where that has changed. */
  listen(bitrate: number, now: number): boolean | undefined {
    if (bitrate > 0) this.#heardAt = now;
    if (this.#heardAt === undefined || now - this.#heardAt >= SILENT_AFTER === this.#silent) return undefined;
    this.#silent = !this.#silent;
    return this.#silent;
  }
}
