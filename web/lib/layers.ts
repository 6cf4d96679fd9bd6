import type { ConsumerParameters } from '../../server/protocol/messages.ts';
import type { Conversation } from './conversation.ts';
import { Observed } from './observed.ts';

/** What a viewer wants of the video: none at all, or no spatial layer above that one (0 has the smallest picture). */
export type VideoWish = { video: boolean; spatialLayer?: number | undefined };

/** The sizes in which a stream comes. */
export type ReceivedLayers = {
  /** By what each is scaled down, smallest picture first: `[4, 2, 1]`. */
  scales: readonly number[];
  /** Which of them comes now; null while none does. */
  current: number | null;
};

/** A viewer's choice of the picture's size, remembered for every session to come, and what it gets. */
export class LayerChoice {
  readonly #layers: Observed<ReceivedLayers | undefined>;
  #wish: VideoWish = { video: true };
  /** None above this, whatever is wished for. */
  #limit: number | undefined;
  /** That of the session which is told of wishes. */
  #conversation: Conversation | undefined;

  constructor(onChange: (layers: ReceivedLayers | undefined) => void) {
    this.#layers = new Observed<ReceivedLayers | undefined>(undefined, onChange);
  }

  get layers(): ReceivedLayers | undefined {
    return this.#layers.value;
  }

  get wish(): VideoWish {
    return this.#wish;
  }

  get limited(): number | undefined {
    return this.#limit;
  }

  prefer({ video, spatialLayer }: VideoWish): void {
    if (video === this.#wish.video && spatialLayer === this.#wish.spatialLayer) return;
    this.#wish = { video, spatialLayer };
    this.#say();
  }

  /** No layer above that one, however large a picture is wished for; undefined: no such bound. */
  limit(spatialLayer: number | undefined): void {
    if (spatialLayer === this.#limit) return;
    this.#limit = spatialLayer;
    this.#say();
  }

  /** Another session, which knows nothing of wishes yet. */
  joined(conversation: Conversation): void {
    this.#conversation = conversation;
    const { video, spatialLayer } = this.#asked;
    if (!video || spatialLayer !== undefined) this.#say();
  }

  /** These are what there is now. */
  offered(consumers: readonly ConsumerParameters[]): void {
    const scales = consumers.find(({ kind }) => kind === 'video')?.layers;
    this.#layers.value = scales && { scales, current: null };
  }

  changed(conversation: Conversation, current: number | null): void {
    const { layers } = this;
    if (layers && conversation === this.#conversation) this.#layers.value = { ...layers, current };
  }

  /** There is nothing to choose from. */
  dropped(): void {
    this.#layers.value = undefined;
  }

  get #asked(): VideoWish {
    const { video, spatialLayer = this.#limit } = this.#wish;
    if (spatialLayer === undefined) return { video };
    return { video, spatialLayer: Math.min(spatialLayer, this.#limit ?? spatialLayer) };
  }

  /** A session that is over does not need to know. */
  #say(): void {
    this.#conversation?.request('prefer', this.#asked).catch(() => {});
  }
}
