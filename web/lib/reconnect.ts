/** Milliseconds before each try; grows with the square, then stays. */
const DELAYS: readonly number[] = [0, 300, 1200, 2700, 4800];
const LAST_DELAY = 7000;
const MAX_JITTER = 1000;

/**
 * When to try again. Every try is spread out, so that a server which restarts, or a network that comes
 * back, is not met by all its viewers in the same instant.
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

  /** `told`: by the server, which is there and waits for us; then the first try need not be put off. */
  nextDelay(told = false): number {
    const attempt = this.#attempt++;
    if (told && attempt === 0) return 0;
    return (DELAYS[attempt] ?? LAST_DELAY) + this.#random() * MAX_JITTER;
  }

  /** All is well again: the next loss starts from the beginning. */
  reset(): void {
    this.#attempt = 0;
  }
}
