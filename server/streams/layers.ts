/** Which layer of a simulcast a viewer gets: the best that its downlink carries and that it asks for. */
import type { types } from 'mediasoup';

/** What a viewer wants of the video. */
export type Wish = {
  video: boolean;
  /** No layer above this; 0 has the smallest picture. */
  spatialLayer?: number | undefined;
};

/**
 * In bit/s: however low the estimate, so much is sent, for a small picture is better than none. It is what
 * the smallest layer of browsers takes.
 */
const LEAST = 150_000;

/** A viewer's choice among the layers, whichever consumers it has. */
export class Layers {
  readonly #onChange: (spatialLayer: number | null) => void;
  #wish: Wish = { video: true };
  #consumers: readonly types.Consumer[] = [];

  constructor(onChange: (spatialLayer: number | null) => void) {
    this.#onChange = onChange;
  }

  /** From now on these are what it gets, on that transport. */
  async use(transport: types.WebRtcTransport, consumers: readonly types.Consumer[]): Promise<void> {
    this.#consumers = consumers.filter(({ kind }) => kind === 'video');
    if (!this.#consumers.some(isLayered)) return this.#apply();
    await transport.setMinOutgoingBitrate(LEAST);
    for (const consumer of this.#consumers) {
      consumer.on('layerschange', (layers) => this.#onChange(layers?.spatialLayer ?? null));
    }
    await this.#apply();
  }

  async prefer(wish: Wish): Promise<void> {
    this.#wish = wish;
    await this.#apply();
  }

  async #apply(): Promise<void> {
    const { video, spatialLayer } = this.#wish;
    await Promise.all(
      this.#consumers.map(async (consumer) => {
        if (consumer.closed) return;
        if (isLayered(consumer)) {
          const most = (scalesOf(consumer)?.length ?? 1) - 1;
          await consumer.setPreferredLayers({ spatialLayer: Math.min(spatialLayer ?? most, most) });
        }
        if (video === consumer.paused) await (video ? consumer.resume() : consumer.pause());
      }),
    );
  }
}

/** By what each spatial layer is scaled down, smallest picture first; undefined where there is but one. */
export function scalesOf(consumer: types.Consumer): number[] | undefined {
  if (!isLayered(consumer)) return undefined;
  const [encoding] = consumer.rtpParameters.encodings ?? [];
  const spatialLayers = Number(/^[LS](\d)/.exec(encoding?.scalabilityMode ?? '')?.[1] ?? 1);
  return Array.from({ length: spatialLayers }, (_, layer) => 2 ** (spatialLayers - 1 - layer));
}

function isLayered({ type }: types.Consumer): boolean {
  return type === 'simulcast' || type === 'svc';
}
