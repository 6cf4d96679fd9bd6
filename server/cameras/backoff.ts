/** Delays that double up to a limit, with jitter, so that cameras that failed together do not come back together. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #random: () => number;
  #attempts = 0;

  constructor({
    firstMs,
    mostMs,
    random = Math.random,
  }: {
    firstMs: number;
    mostMs: number;
    random?: () => number;
  }) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#random = random;
  }

  /** Between half and all of what doubling gives. */
  next(): number {
    const whole = Math.min(this.#firstMs * 2 ** this.#attempts, this.#mostMs);
    this.#attempts += 1;
    return Math.round(whole * (0.5 + this.#random() / 2));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
