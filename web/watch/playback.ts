import { local } from '../base/storage.ts';
import { Emitter } from '../lib/emitter.ts';

export type PlaybackState = {
  muted: boolean;
  volume: number;
  paused: boolean;
  /** The browser plays it without sound only, until the user asks for it. */
  silenced: boolean;
};

/** The video element as a player: with sound if the browser lets us, without if not. */
export class Playback extends Emitter<{ state: PlaybackState }> {
  readonly #video: HTMLVideoElement;
  #silenced = false;

  constructor(video: HTMLVideoElement) {
    super();
    this.#video = video;
    const volume = Number(local.get('volume') ?? 1);
    if (volume > 0 && volume <= 1) video.volume = volume;
    for (const name of ['volumechange', 'play', 'pause']) video.addEventListener(name, this.#changed);
  }

  get state(): PlaybackState {
    const { muted, volume, paused } = this.#video;
    return { muted, volume, paused, silenced: this.#silenced };
  }

  /** Not before the stream has tracks: an empty one keeps the page from ever being loaded. */
  show(stream: MediaStream): void {
    if (this.#video.srcObject === stream && !this.#video.ended) return;
    this.#video.srcObject = stream;
    void this.play();
  }

  async play(): Promise<void> {
    try {
      await this.#video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || this.#video.muted) return;
      this.#silenced = true;
      this.#video.muted = true;
      // Refused even so (a phone saving power), it stays paused and shows its Play button.
      await this.#video.play().catch(() => {});
    }
  }

  togglePaused(): void {
    if (this.#video.paused) void this.play();
    else this.#video.pause();
  }

  toggleMuted(): void {
    this.setMuted(!this.#video.muted);
  }

  setMuted(muted: boolean): void {
    this.#silenced = false;
    this.#video.muted = muted;
    if (!muted && this.#video.volume === 0) this.#video.volume = 1;
    this.#changed();
  }

  setVolume(volume: number): void {
    this.#silenced = false;
    this.#video.volume = volume;
    this.#video.muted = volume === 0;
    local.set('volume', String(volume));
    this.#changed();
  }

  close(): void {
    for (const name of ['volumechange', 'play', 'pause'])
      this.#video.removeEventListener(name, this.#changed);
    this.#video.srcObject = null;
  }

  readonly #changed = (): void => this.emit('state', this.state);
}
