/** Looks in a row with a slow decoder until the picture is to be smaller. */
const SLOW_LOOKS = 3;
/** When a larger one is tried again, in ms; each time that it is too much again, twice as late. */
const RETRY = { first: 60_000, most: 960_000 };

/**
 * The largest layer that a viewer's decoder is let have: one less when it cannot keep up, one more to try
 * after a while. Pure: time comes in, in ms of a clock that does not run backwards.
 */
export class DecoderCap {
  #cap: number | undefined;
  #slow = 0;
  #loweredAt = 0;
  #retry = RETRY.first;
  /** Whether the present cap is a try. */
  #trying = false;

  /** No layer above this; undefined: whichever there is. */
  get value(): number | undefined {
    return this.#cap;
  }

  /**
   * @param current The layer that is received now, null where there is none.
   * @param top The best that there is.
   * @returns whether the cap has changed.
   */
  look({ slow, current, top }: { slow: boolean; current: number | null; top: number }, now: number): boolean {
    this.#slow = slow ? this.#slow + 1 : 0;
    if (this.#slow >= SLOW_LOOKS && current !== null && current > 0) {
      this.#slow = 0;
      this.#cap = current - 1;
      this.#loweredAt = now;
      if (this.#trying) this.#retry = Math.min(this.#retry * 2, RETRY.most);
      this.#trying = false;
      return true;
    }
    if (this.#cap === undefined || now - this.#loweredAt < this.#retry) return false;
    this.#cap = this.#cap + 1 < top ? this.#cap + 1 : undefined;
    this.#loweredAt = now;
    this.#trying = true;
    return true;
  }
}
