import type { Source } from '../../server/protocol/messages.ts';
import type { Conversation } from './conversation.ts';
import { DecoderCap } from './decoder-cap.ts';
import { findTrouble, Steady, type ViewerDiagnosis } from './diagnosis.ts';
import type { LayerChoice } from './layers.ts';
import { type ReceivingStats, receivingReport, receivingStats } from './receiving-stats.ts';
import { LOOK_EVERY, Sampler } from './sampler.ts';
import type { Report } from './stats.ts';

/** So often the server is told, in ms. */
const REPORT_EVERY = 10_000;

/** What is on the screen, and whose it is. */
export type Watched = {
  path: { getStats(): Promise<Report> };
  conversation: Conversation;
  udpOffered: boolean;
};

type Options = {
  /** Undefined while nothing is to be expected there. */
  watched(): Watched | undefined;
  source(): Source | undefined;
  choice: LayerChoice;
  onStats(stats: ReceivingStats): void;
  onDiagnosis(diagnosis: ViewerDiagnosis): void;
};

/** Looks after what a viewer receives: tells of it, finds what is wrong, and helps a decoder that is too slow. */
export class ViewerWatch {
  readonly #options: Options;
  readonly #steady = new Steady<ViewerDiagnosis>('ok');
  readonly #cap = new DecoderCap();
  readonly #sampler: Sampler<ReceivingStats>;

  constructor(options: Options) {
    this.#options = options;
    this.#sampler = new Sampler({
      subject: () => options.watched()?.path,
      compute: receivingStats,
      onStats: (stats) => this.#look(stats),
      report: (stats) =>
        options
          .watched()
          ?.conversation.request('receiving', receivingReport(stats))
          .catch(() => {}),
      reportEvery: REPORT_EVERY,
    });
  }

  /** What was found is of a stream that is not watched any more. */
  reset(): void {
    this.#steady.reset();
    this.#options.onDiagnosis(this.#steady.told);
  }

  close(): void {
    this.#sampler.close();
    this.#options.choice.limit(undefined);
  }

  #look(stats: ReceivingStats): void {
    const { watched, source, choice, onStats, onDiagnosis } = this.#options;
    const { udpOffered } = watched() ?? { udpOffered: false };
    const { layers, wish } = choice;
    const caps = [wish.spatialLayer, this.#cap.value].filter((each) => each !== undefined);
    const wished = caps.length > 0 ? Math.min(...caps) : undefined;
    const look = { stats, source: source(), layers, wished, video: wish.video, udpOffered };
    onStats(stats);
    onDiagnosis(this.#steady.look(findTrouble(look, LOOK_EVERY)));
    if (!layers) return;
    const top = layers.scales.length - 1;
    const { current } = layers;
    if (this.#cap.look({ slow: stats.slowDecoder, current, top }, performance.now())) {
      choice.limit(this.#cap.value);
    }
  }
}
