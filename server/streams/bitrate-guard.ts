/** How long a publisher may be above its limit before it is told, and ended, in ms. */
const OVER = { toldAfter: 5000, endedAfter: 10_000 };

/** Judges what a publisher is found to send. Pure: time comes in, in ms of a clock that does not run backwards. */
export class BitrateGuard {
  readonly #limit: number;
  /** Since when it has been above at every look. */
  #since: number | undefined;
  #told = false;

  /** @param limit In bit/s. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Each is said once in a row of looks above the limit; nobody is ended who was not told at an earlier look. */
  look(bitrate: number, now: number): 'fine' | 'tell' | 'end' {
    if (bitrate <= this.#limit) {
      this.#since = undefined;
      this.#told = false;
      return 'fine';
    }
    this.#since ??= now;
    const over = now - this.#since;
    if (this.#told) return over >= OVER.endedAfter ? 'end' : 'fine';
    this.#told = over >= OVER.toldAfter;
    return this.#told ? 'tell' : 'fine';
  }
}
