import { Viewer } from '../lib/viewer.ts';
import { Playback } from './playback.ts';
import { Quality } from './quality.ts';

export type Target = {
  identifier: string;
  /** By what a private stream may be watched. */
  key?: string | undefined;
};

/** Longer than a join on a good network, shorter than anybody notices. */
const PATIENCE = 150;

/** What is behind the player on the screen: that which a page, or a script around it, can drive. */
export class Player {
  readonly viewer: Viewer;
  readonly playback: Playback;
  readonly quality: Quality;
  /** An address of the server. */
  readonly server: string;
  #target: Target | undefined;

  constructor(server: string, options: { muted?: boolean } = {}) {
    this.server = server;
    this.viewer = new Viewer({ url: new URL('/ws', server).href });
    this.playback = new Playback(options);
    this.quality = new Quality(this.viewer);
  }

  get target(): Target | undefined {
    return this.#target;
  }

  /** A recent picture of the stream. */
  get posterUrl(): string | undefined {
    const { identifier } = this.#target ?? {};
    return identifier && new URL(`/api/streams/${identifier}/poster`, this.server).href;
  }

  /** What `play()` will watch. */
  choose(target: Target): void {
    this.#target = target;
  }

  /** Watches. Marks the moment, so that the time to the first frame can be measured. */
  watch(identifier: string, key: string | undefined): void {
    performance.mark('pharos:join');
    this.choose({ identifier, key });
    // What goes wrong is told by the viewer's state.
    this.viewer.watch(identifier, { key }).catch(() => {});
    this.playback.resume();
  }

  /** Joins the chosen stream where that was not done yet, or is over; goes on with a picture that stands still. */
  play(): void {
    const { state } = this.viewer;
    const over =
      state.name === 'idle' || state.name === 'failed' || (state.name === 'ended' && !state.waiting);
    if (over) this.again();
    else void this.playback.play();
  }

  /** Watches the same stream anew. */
  again(): void {
    if (this.#target) this.watch(this.#target.identifier, this.#target.key);
  }

  /**
   * Calls back when the media is on its way, or it is known that it is not. What
   * the page draws before costs the join as much time as the server's answer.
   */
  afterJoin(callback: () => void): void {
    const finish = () => {
      off();
      clearTimeout(timer);
      callback();
    };
    const timer = setTimeout(finish, PATIENCE);
    const off = this.viewer.on('state', finish);
  }

  firstFrame(): void {
    performance.mark('pharos:first-frame');
    this.viewer.reportFirstFrame();
  }

  stop(): void {
    this.viewer.stop();
  }
}
