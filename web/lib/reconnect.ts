/** Milliseconds before each try; grows with the square, then stays. */
const DELAYS: readonly number[] = [0, 300, 1200, 2700, 4800];
const LAST_DELAY = 7000;
const MAX_JITTER = 1000;

/**
 * When to try again. The first two tries come without jitter, so that one lost
 * connection is mended at once; the later ones are spread out, so that a
 * restarted server is not met by all its viewers in the same instant.
 */
export class Reconnect {
  readonly #random: () => number;
  #attempt = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** How many delays were handed out since the last success. */
  get attempt(): number {
    return this.#attempt;
  }

  nextDelay(): number {
    const attempt = this.#attempt++;
    const delay = DELAYS[attempt] ?? LAST_DELAY;
    return attempt < 2 ? delay : delay + this.#random() * MAX_JITTER;
  }

  /** All is well again: the next loss starts from the beginning. */
  reset(): void {
    this.#attempt = 0;
  }
}
