import type { Conversation } from './conversation.ts';
import { type Health, type PublisherObservation, SteadyHealth } from './diagnosis.ts';
import { Sampler } from './sampler.ts';
import { type SendingStats, sendingReport, sendingStats } from './sending-stats.ts';
import type { Report } from './stats.ts';

/** So often the server is told, in ms. */
const REPORT_EVERY = 6000;

/** By what the stream is live. */
export type Sent = {
  path: { getStats(): Promise<Report> };
  conversation: Conversation;
  udpOffered: boolean;
};

type Options = {
  /** Undefined while it is not live. */
  sent(): Sent | undefined;
  /** All but what is found here. */
  observe(): Omit<PublisherObservation, 'stats' | 'udpOffered'>;
  onStats(stats: SendingStats): void;
  onHealth(health: Health | undefined): void;
};

/** Looks after what a publisher sends: tells of it, and judges how it does. */
export class PublisherWatch {
  readonly #options: Options;
  readonly #steady = new SteadyHealth();
  readonly #sampler: Sampler<SendingStats>;
  #stats: SendingStats | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#sampler = new Sampler({
      subject: () => options.sent()?.path,
      compute: sendingStats,
      onStats: (stats) => this.#look(stats),
      report: (stats) =>
        options
          .sent()
          ?.conversation.request('sending', sendingReport(stats))
          .catch(() => {}),
      reportEvery: REPORT_EVERY,
    });
  }

  /** Something else than the statistics has changed. */
  update(): void {
    if (!this.#options.sent()) this.#stats = undefined;
    this.#options.onHealth(this.#steady.now(this.#observation()));
  }

  close(): void {
    this.#sampler.close();
  }

  #look(stats: SendingStats): void {
    this.#stats = stats;
    this.#options.onStats(stats);
    this.#options.onHealth(this.#steady.look(this.#observation()));
  }

  #observation(): PublisherObservation {
    const { observe, sent } = this.#options;
    return { ...observe(), stats: this.#stats, udpOffered: sent()?.udpOffered ?? false };
  }
}
