import { Counter, Histogram, Registry } from 'prom-client';
import { RecentValues } from '../base/recent.ts';

/** Who joined what, by which way. */
export type Join = { kind: 'publish' | 'watch'; protocol: 'websocket' | 'whip' | 'whep' | 'rtp' };

/** From what nobody notices to what nobody waits for. */
const SECONDS = [0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30];

/** Joins and how long they took, told as they happen. */
export class Joins {
  readonly #accepted: Counter;
  readonly #duration: Histogram;
  readonly #firstFrame: Histogram;
  /** In ms. */
  readonly #recent = { watch: new RecentValues(), firstFrame: new RecentValues() };

  constructor(registry = new Registry()) {
    const registers = [registry];
    const labelNames = ['kind', 'protocol'];
    this.#accepted = new Counter({
      name: 'pharos_joins_total',
      help: 'Requests to publish or watch that were accepted.',
      labelNames,
      registers,
    });
    this.#duration = new Histogram({
      name: 'pharos_join_duration_seconds',
      help: 'From the request, or from going live for those who waited, to an established media path.',
      labelNames,
      buckets: SECONDS,
      registers,
    });
    this.#firstFrame = new Histogram({
      name: 'pharos_first_frame_seconds',
      help: 'From the click, or from going live for those who waited, to the first frame, as watch pages tell it.',
      buckets: SECONDS,
      registers,
    });
  }

  accepted(join: Join): void {
    this.#accepted.inc(join);
  }

  /** Its media path is up. */
  connected(join: Join, ms: number): void {
    this.#duration.observe(join, ms / 1000);
    if (join.kind === 'watch') this.#recent.watch.add(ms, performance.now());
  }

  firstFrame(ms: number): void {
    this.#firstFrame.observe(ms / 1000);
    this.#recent.firstFrame.add(ms, performance.now());
  }

  /** How long viewers' joins of the last `windowMs` took, in ms. */
  recent(windowMs: number) {
    const since = performance.now() - windowMs;
    const { watch, firstFrame } = this.#recent;
    return { join: watch.percentiles(since), firstFrame: firstFrame.percentiles(since) };
  }
}
