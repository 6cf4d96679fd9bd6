/** Which layer of a simulcast a viewer gets: the best that its downlink carries and that it asks for. */
import { setTimeout as delay } from 'node:timers/promises';
import type { types } from 'mediasoup';
import { spatialLayersOf } from '../../workers/media/codecs.ts';

/** What a viewer wants of the video. */
export type Wish = {
  video: boolean;
  /** No layer above this; 0 has the smallest picture. */
  spatialLayer?: number | undefined;
};

/**
 * In bit/s: however low the estimate, so much is sent, for a small picture is better than none. It is what
 * the smallest layer of browsers takes, with a key frame now and then.
 */
const LEAST = 300_000;
/**
 * The smallest that is sent may not be small: encoders of other makes, a publisher who sends but one. That is
 * found when there is no picture, and so much more is given so often.
 */
const RESCUE = { factor: 2, everyMs: 250, most: 20_000_000 };

/** A viewer's choice among the layers, whichever consumers it has. */
export class Layers {
  readonly #onChange: (spatialLayer: number | null) => void;
  #wish: Wish = { video: true };
  #consumers: readonly types.Consumer[] = [];
  /** Told already; undefined: nothing. */
  #current: number | null | undefined;

  constructor(onChange: (spatialLayer: number | null) => void) {
    this.#onChange = onChange;
  }

  /** From now on these are what it gets, on that transport. */
  async use(transport: types.Transport, consumers: readonly types.Consumer[]): Promise<void> {
    this.#consumers = consumers.filter(({ kind }) => kind === 'video');
    this.#current = undefined;
    for (const consumer of this.#consumers.filter(isLayered)) {
      await transport.setMinOutgoingBitrate(LEAST);
      consumer.on('layerschange', (layers) => {
        this.#tell(layers?.spatialLayer ?? null);
        if (!layers) void rescue(transport, consumer);
      });
    }
    await this.#apply();
  }

  async prefer(wish: Wish): Promise<void> {
    this.#wish = wish;
    await this.#apply();
  }

  /** With it consumers begin: else the largest picture would be sent until they are told. */
  get wish(): Wish {
    return this.#wish;
  }

  /** The spatial layer that is got now, 0 where there is but one; null while there is no picture. */
  get current(): number | null {
    const consumer = this.#consumers.find(({ closed }) => !closed);
    if (!consumer || consumer.paused) return null;
    return isLayered(consumer) ? (this.#current ?? null) : 0;
  }

  /** Tells again what is got now: whoever is told of other consumers forgets what was before. */
  repeat(): void {
    if (this.#current !== undefined) this.#onChange(this.#current);
  }

  async #apply(): Promise<void> {
    const { video, spatialLayer } = this.#wish;
    await Promise.all(
      this.#consumers.map(async (consumer) => {
        if (consumer.closed) return;
        if (isLayered(consumer)) await preferLayer(consumer, spatialLayer);
        if (video === consumer.paused) await (video ? consumer.resume() : consumer.pause());
      }),
    );
  }

  /** Temporal layers change too, which is nobody's business. */
  #tell(spatialLayer: number | null): void {
    if (spatialLayer === this.#current) return;
    this.#current = spatialLayer;
    this.#onChange(spatialLayer);
  }
}

/** By what each spatial layer is scaled down, smallest picture first; undefined where there is but one. */
export function scalesOf(consumer: types.Consumer): number[] | undefined {
  if (!isLayered(consumer)) return undefined;
  const spatial = spatialLayersOf(consumer.rtpParameters);
  if (spatial === 1) return undefined;
  return Array.from({ length: spatial }, (_, layer) => 2 ** (spatial - 1 - layer));
}

/** mediasoup sends the highest of all, unless told otherwise. */
async function preferLayer(consumer: types.Consumer, spatialLayer: number | undefined): Promise<void> {
  const highest = spatialLayersOf(consumer.rtpParameters) - 1;
  const wanted = Math.min(spatialLayer ?? highest, highest);
  if (wanted === (consumer.preferredLayers?.spatialLayer ?? highest)) return;
  await consumer.setPreferredLayers({ spatialLayer: wanted });
}

/** Where there is a picture, but its smallest layer takes more than the estimate, it is sent nevertheless. */
async function rescue(transport: types.Transport, consumer: types.Consumer): Promise<void> {
  for (let least = LEAST; isBlank(consumer) && least <= RESCUE.most; least *= RESCUE.factor) {
    // It fails if the transport goes meanwhile, which is told otherwise.
    await transport.setMinOutgoingBitrate(least).catch(() => undefined);
    await delay(RESCUE.everyMs);
  }
}

function isBlank({ closed, paused, producerPaused, currentLayers, score }: types.Consumer): boolean {
  const sent = score.producerScores.some((each) => each > 0);
  return !closed && !paused && !producerPaused && !currentLayers && sent;
}

function isLayered({ type }: types.Consumer): boolean {
  return type === 'simulcast' || type === 'svc';
}
