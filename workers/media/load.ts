/** How fast a smoothed figure follows: half of each sample. */
const FOLLOW = 0.5;
/**
 * What a share of a core a bit per second costs, as long as a worker has not shown it itself by
 * enough of them (bench/README.md has measurements), and how far from it a worker may be.
 */
const COST = { first: 1 / 500e6, factor: 4, shownBy: 50e6 };

/**
 * How busy a worker is, as a share of a core: the CPU time that its process was
 * seen to use, and what has been given to it since, by bitrate, as media takes
 * a moment to flow and many may join within it.
 */
export class WorkerLoad {
  #cpu = 0;
  /** Expected now, and when the CPU time was spent that is known. */
  #bits = 0;
  #bitsThen = 0;
  #bitsAtSample = 0;
  #last: { cpuSeconds: number; at: number } | undefined;

  get value(): number {
    return Math.max(0, this.#cpu + (this.#bits - this.#bitsThen) * this.#cost());
  }

  /** Media that was given to it, in bit/s. */
  get bits(): number {
    return this.#bits;
  }

  /** CPU time that the process has used since it began. */
  get cpuSeconds(): number {
    return this.#last?.cpuSeconds ?? 0;
  }

  /** So much more media, in bit/s, until the function is called that is returned. */
  expect(bits: number): () => void {
    this.#bits += bits;
    let given = true;
    return () => {
      if (given) this.#bits -= bits;
      given = false;
    };
  }

  /** @param at In ms, of a monotonic clock. */
  sample(cpuSeconds: number, at: number): void {
    const last = this.#last;
    this.#last = { cpuSeconds, at };
    if (last && at > last.at) {
      // One thread: what looks like more is a look that came late.
      const share = Math.min(1, ((cpuSeconds - last.cpuSeconds) * 1000) / (at - last.at));
      this.#cpu += (share - this.#cpu) * FOLLOW;
      this.#bitsThen += (this.#bitsAtSample - this.#bitsThen) * FOLLOW;
    }
    this.#bitsAtSample = this.#bits;
  }

  #cost(): number {
    if (this.#bitsThen < COST.shownBy) return COST.first;
    const shown = this.#cpu / this.#bitsThen;
    return Math.min(Math.max(shown, COST.first / COST.factor), COST.first * COST.factor);
  }
}
