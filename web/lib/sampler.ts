import type { Report } from './stats.ts';

/** So often a connection's statistics are looked at, in ms. */
export const LOOK_EVERY = 2000;

type Subject = { getStats(): Promise<Report> };

type Options<Stats> = {
  /** The connection that there is now; undefined while there is none worth looking at. */
  subject(): Subject | undefined;
  compute(before: Report, now: Report): Stats | undefined;
  onStats(stats: Stats): void;
  /** Is handed what came to pass since it was last called, every so many ms. */
  report?(stats: Stats): void;
  reportEvery?: number;
};

/** Looks at a connection's statistics until it is closed, and says from time to time what it saw. */
export class Sampler<Stats> {
  readonly #options: Options<Stats>;
  readonly #timer = setInterval(() => void this.#look(), LOOK_EVERY);
  #subject: Subject | undefined;
  #last: Report | undefined;
  #reported: Report | undefined;
  #looks = 0;
  #closed = false;

  constructor(options: Options<Stats>) {
    this.#options = options;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { compute, onStats, report, reportEvery = Number.POSITIVE_INFINITY } = this.#options;
    const subject = this.#options.subject();
    const now = await subject?.getStats().catch(() => undefined);
    if (this.#closed) return;
    // What one connection counts says nothing of another.
    if (subject !== this.#subject) this.#forget();
    this.#subject = subject;
    const before = this.#last;
    this.#last = now;
    if (!now) return this.#forget();
    const stats = before && compute(before, now);
    if (stats) onStats(stats);
    this.#reported ??= now;
    this.#looks += 1;
    if (this.#looks < reportEvery / LOOK_EVERY) return;
    this.#looks = 0;
    const all = compute(this.#reported, now);
    this.#reported = now;
    if (all) report?.(all);
  }

  #forget(): void {
    this.#last = undefined;
    this.#reported = undefined;
    this.#looks = 0;
  }
}
