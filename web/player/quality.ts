import { Emitter } from '../lib/emitter.ts';
import type { Viewer } from '../lib/viewer.ts';
import { drawnHeight, heightsOf, layerFor, type Reason, reasonFor, type Wish } from './layers.ts';

/** A smaller window asks for less when it has stayed so for this long, in ms. */
const LOWER_AFTER = 1000;
/** What nobody sees is not sent after this long: who only looks away is not kept waiting on coming back. */
const UNSEEN_AFTER = 10_000;
/** Layer and size of a picture change one after the other, within this. */
const SETTLE = 1500;

export type QualityState = {
  wish: Wish;
  /** Of each layer, smallest first, in pixels; a single one where there is no choice, none before the picture. */
  heights: readonly number[];
  /** Of what is shown. */
  height: number | undefined;
  reason: Reason | undefined;
};

/** Asks for the picture that there is use for: no larger than it is drawn, none while nobody sees it. */
export class Quality extends Emitter<{ state: QualityState }> {
  readonly #viewer: Viewer;
  #wish: Wish = 'auto';
  /** Wished for before there were any layers. */
  #height: number | undefined;
  #picture = { width: 0, height: 0 };
  #room: { width: number; height: number } | undefined;
  #heights: readonly number[] = [];
  /** The largest layer that the window has use for. */
  #window = Number.POSITIVE_INFINITY;
  #unseen = false;
  #asked = '';
  #lowerTimer: ReturnType<typeof setTimeout> | undefined;
  #unseenTimer: ReturnType<typeof setTimeout> | undefined;
  #settleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(viewer: Viewer) {
    super();
    this.#viewer = viewer;
    viewer.on('layers', () => this.#settle());
    viewer.on('source', () => this.#changed());
    viewer.on('diagnosis', () => this.#changed());
  }

  get state(): QualityState {
    const { layers, source } = this.#viewer;
    const heights = this.#heights;
    const current = layers?.current ?? undefined;
    const count = heights.length;
    const reason =
      layers && current !== undefined && count > 1
        ? reasonFor({
            wish: this.#wish,
            current,
            count,
            window: Math.min(this.#window, count - 1),
            decoder: Math.min(this.#viewer.decoderLimit ?? count, count - 1),
            publisherLimited: source !== undefined && (source.weak || source.limitation !== 'none'),
          })
        : undefined;
    const height = layers ? (current === undefined ? undefined : heights[current]) : heights[0];
    return { wish: this.#wish, heights, height, reason };
  }

  choose(wish: Wish): void {
    this.#wish = wish;
    this.#height = undefined;
    this.#ask();
    this.#changed();
  }

  /** 'auto', 'audio', or the height of the largest layer wished for. */
  get chosenHeight(): 'auto' | 'audio' | number {
    return typeof this.#wish === 'number' ? (this.#heights[this.#wish] ?? 'auto') : this.#wish;
  }

  /** The largest layer that is no higher than so many pixels, the smallest where all are; as soon as that is known. */
  chooseHeight(height: 'auto' | 'audio' | number): void {
    if (typeof height !== 'number') {
      this.choose(height);
    } else if (this.#heights.length > 0) {
      const largest = this.#heights.findLastIndex((each) => each <= height);
      this.choose(Math.max(0, largest));
    } else {
      this.#height = height;
    }
  }

  /** The picture has this size now. */
  setPicture(width: number, height: number): void {
    this.#picture = { width, height };
    this.#settle();
  }

  /** It is drawn in so many device pixels. */
  setRoom(width: number, height: number): void {
    this.#room = { width, height };
    this.#fitWindow();
  }

  /** Whether nobody can see it, and will not for a while. */
  setUnseen(unseen: boolean): void {
    clearTimeout(this.#unseenTimer);
    if (unseen) {
      this.#unseenTimer = setTimeout(() => this.#setUnseenNow(true), UNSEEN_AFTER);
    } else {
      this.#setUnseenNow(false);
    }
  }

  #setUnseenNow(unseen: boolean): void {
    this.#unseen = unseen;
    this.#ask();
  }

  /** The first sizes at once, later ones when layer and picture belong together again. */
  #settle(): void {
    clearTimeout(this.#settleTimer);
    if (this.#heights.length === 0) this.#measure();
    else this.#settleTimer = setTimeout(() => this.#measure(), SETTLE);
    this.#changed();
  }

  #measure(): void {
    const { layers } = this.#viewer;
    const { height } = this.#picture;
    const heights = layers
      ? heightsOf(layers.scales, layers.current, height)
      : height > 0
        ? [height]
        : undefined;
    if (!heights) return;
    this.#heights = heights;
    if (this.#height !== undefined) this.chooseHeight(this.#height);
    this.#fitWindow();
    this.#changed();
  }

  #fitWindow(): void {
    clearTimeout(this.#lowerTimer);
    if (!this.#room || this.#heights.length < 2) return;
    const needed = drawnHeight(this.#room, this.#picture);
    const before = Math.min(this.#window, this.#heights.length - 1);
    const fitting = layerFor(this.#heights, needed, before);
    const use = () => {
      this.#window = fitting;
      this.#ask();
      this.#changed();
    };
    if (fitting < before) this.#lowerTimer = setTimeout(use, LOWER_AFTER);
    else use();
  }

  /** Tells the server, where that is not what it knows. */
  #ask(): void {
    const video = this.#wish !== 'audio' && !this.#unseen;
    const most = typeof this.#wish === 'number' ? this.#wish : this.#window;
    const spatialLayer = most < this.#heights.length - 1 ? most : undefined;
    const wish = spatialLayer === undefined ? { video } : { video, spatialLayer };
    const asked = JSON.stringify(wish);
    if (asked === this.#asked || (this.#asked === '' && video && spatialLayer === undefined)) return;
    this.#asked = asked;
    this.#viewer.prefer(wish);
  }

  #changed(): void {
    this.emit('state', this.state);
  }
}
