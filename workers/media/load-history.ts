/** How many intervals are kept: an hour of 10 s. */
const KEPT = 360;
export const LOAD_INTERVAL_MS = 10_000;

type Row = (number | null)[];

/** How busy the workers were: the highest of each interval, as an average would hide what viewers notice. */
export class LoadHistory {
  readonly #size: number;
  readonly #rows: Row[] = [];
  #open: { interval: number; row: Row } | undefined;

  /** @param size Number of workers. */
  constructor(size: number) {
    this.#size = size;
  }

  /** @param at In ms since 1970. */
  add(workers: Iterable<{ index: number; load: number }>, at: number): void {
    const interval = Math.floor(at / LOAD_INTERVAL_MS);
    if (this.#open && this.#open.interval !== interval)
      this.#push(this.#open.row, interval - this.#open.interval);
    if (this.#open?.interval !== interval) this.#open = { interval, row: this.#empty() };
    for (const { index, load } of workers) {
      if (index < this.#size) this.#open.row[index] = Math.max(load, this.#open.row[index] ?? 0);
    }
  }

  /** All intervals that are over, the newest last, and when that ended, in ms since 1970. */
  snapshot(): { everyMs: number; at: number; rows: readonly (readonly (number | null)[])[] } {
    const at = (this.#open?.interval ?? 0) * LOAD_INTERVAL_MS;
    return { everyMs: LOAD_INTERVAL_MS, at, rows: this.#rows };
  }

  /** @param intervals until the next row: more than one if the clock jumped, or the process stood still. */
  #push(row: Row, intervals: number): void {
    this.#rows.push(row);
    for (let missing = 1; missing < Math.min(intervals, KEPT); missing++) this.#rows.push(this.#empty());
    this.#rows.splice(0, this.#rows.length - KEPT);
  }

  #empty(): Row {
    return Array.from({ length: this.#size }, () => null);
  }
}
