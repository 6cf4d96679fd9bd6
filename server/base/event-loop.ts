/** Whether this process keeps up: how late its event loop is, and since when it is too late. */
import { type ELDHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

const SAMPLE_MS = 1000;
/** How often the loop is looked at, in ms: what an idle one is found late by. */
const RESOLUTION_MS = 20;
/** So many samples in a row change the judgement: a collection of garbage is no overload. */
const IN_A_ROW = 3;
/** Of a second's looks, so many were less late. A single long turn is not what keeps others waiting. */
const PERCENTILE = 90;
const NS_PER_MS = 1e6;

/** Too late, for some samples in a row, until it is not for as many. Pure. */
export class Overload {
  readonly #limit: number;
  #overloaded = false;
  /** Samples in a row that speak against the present judgement. */
  #against = 0;

  /** @param limit In ms. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get overloaded(): boolean {
    return this.#overloaded;
  }

  /** @param delay In ms. */
  sample(delay: number): void {
    this.#against = delay > this.#limit === this.#overloaded ? 0 : this.#against + 1;
    if (this.#against < IN_A_ROW) return;
    this.#overloaded = !this.#overloaded;
    this.#against = 0;
  }
}

export type EventLoopSnapshot = {
  /** In ms, of the last second. */
  delay: number;
  overloaded: boolean;
};

/** Watches the event loop, second by second, until it is closed. */
export class EventLoopWatch {
  readonly #overload: Overload;
  readonly #onChange: (snapshot: EventLoopSnapshot) => void;
  readonly #histogram: ELDHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer = setInterval(() => this.#look(performance.now()), SAMPLE_MS);
  #lookedAt = performance.now();
  #delay = 0;

  /** @param limit From which delay on, in ms, it is overloaded. */
  constructor({ limit, onChange }: { limit: number; onChange: (snapshot: EventLoopSnapshot) => void }) {
    this.#overload = new Overload(limit);
    this.#onChange = onChange;
    this.#histogram.enable();
    this.#timer.unref();
  }

  get overloaded(): boolean {
    return this.#overload.overloaded;
  }

  snapshot(): EventLoopSnapshot {
    return { delay: this.#delay, overloaded: this.overloaded };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #look(now: number): void {
    // Where the histogram has nothing, all the time went into one turn.
    this.#delay =
      this.#histogram.count > 0
        ? Math.max(0, this.#histogram.percentile(PERCENTILE) / NS_PER_MS - RESOLUTION_MS)
        : now - this.#lookedAt;
    this.#lookedAt = now;
    this.#histogram.reset();
    const before = this.overloaded;
    this.#overload.sample(this.#delay);
    if (this.overloaded !== before) this.#onChange(this.snapshot());
  }
}
