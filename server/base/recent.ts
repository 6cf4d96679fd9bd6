/** Figures of the last minutes, kept as they come and worked out when asked. Times in ms of one clock. */

/** The latest values, `most` of them. */
export class RecentValues {
  readonly #most: number;
  readonly #values: { value: number; at: number }[] = [];

  constructor(most = 1000) {
    this.#most = most;
  }

  add(value: number, at: number): void {
    this.#values.push({ value, at });
    // By halves, so that an array is not moved each time.
    if (this.#values.length >= 2 * this.#most) this.#values.splice(0, this.#most);
  }

  /** Of those that came since then; undefined if none did. */
  percentiles(since: number): { count: number; p50: number; p95: number } | undefined {
    const values = this.#values.filter(({ at }) => at >= since).map(({ value }) => value);
    values.sort((a, b) => a - b);
    const of = (percent: number) => values[Math.ceil((percent / 100) * values.length) - 1];
    const [p50, p95] = [of(50), of(95)];
    if (p50 === undefined || p95 === undefined) return undefined;
    return { count: values.length, p50, p95 };
  }
}

const STEPS = 10;

/** How often something happened within the last `windowMs`, to a tenth of that. */
export class RecentCount {
  readonly #stepMs: number;
  readonly #steps = new Map<number, number>();

  constructor(windowMs: number) {
    this.#stepMs = windowMs / STEPS;
  }

  add(at: number): void {
    const step = Math.floor(at / this.#stepMs);
    this.#steps.set(step, (this.#steps.get(step) ?? 0) + 1);
    for (const old of this.#steps.keys()) if (old <= step - STEPS) this.#steps.delete(old);
  }

  count(now: number): number {
    const step = Math.floor(now / this.#stepMs);
    let sum = 0;
    for (const [each, count] of this.#steps) if (each > step - STEPS) sum += count;
    return sum;
  }
}
