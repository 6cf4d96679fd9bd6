import { local } from '../base/storage.ts';
import { Emitter } from '../lib/emitter.ts';

export type PlaybackState = {
  muted: boolean;
  volume: number;
  paused: boolean;
  /** The browser plays it without sound only, until the user asks for it. */
  silenced: boolean;
};

const EVENTS = ['volumechange', 'play', 'pause'] as const;

/** The video element as a player: with sound if the browser lets us, without if not. */
export class Playback extends Emitter<{ state: PlaybackState }> {
  #video: HTMLVideoElement | undefined;
  /** What is asked for before there is an element. */
  #muted: boolean;
  #volume: number | undefined;
  #silenced = false;

  constructor({ muted = false } = {}) {
    super();
    this.#muted = muted;
  }

  get state(): PlaybackState {
    return {
      muted: this.#video?.muted ?? this.#muted,
      volume: this.#video?.volume ?? this.#volume ?? 1,
      paused: this.#video?.paused ?? true,
      silenced: this.#silenced,
    };
  }

  /** Plays by this element from now on; returns the function that ends it. */
  attach(video: HTMLVideoElement): () => void {
    this.#video = video;
    // Not before: the browser may have to read it from disk, while the join is under way.
    this.#volume ??= storedVolume();
    video.volume = this.#volume;
    video.muted = this.#muted;
    for (const name of EVENTS) video.addEventListener(name, this.#changed);
    this.#changed();
    return () => {
      for (const name of EVENTS) video.removeEventListener(name, this.#changed);
      video.srcObject = null;
      this.#video = undefined;
    };
  }

  /** Not before the stream has tracks: an empty one keeps the page from ever being loaded. */
  show(stream: MediaStream): void {
    const video = this.#video;
    if (!video || (video.srcObject === stream && !video.ended)) return;
    video.srcObject = stream;
    void this.play();
  }

  /** A stream was asked for anew: it plays when it comes, though the last one was paused. */
  resume(): void {
    if (this.#video?.srcObject && this.#video.paused) void this.play();
  }

  async play(): Promise<void> {
    const video = this.#video;
    if (!video) return;
    try {
      await video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || video.muted) return;
      this.#silenced = true;
      video.muted = true;
      // Refused even so (a phone saving power), it stays paused and shows its Play button.
      await video.play().catch(() => {});
    }
  }

  pause(): void {
    this.#video?.pause();
  }

  togglePaused(): void {
    if (this.state.paused) void this.play();
    else this.pause();
  }

  toggleMuted(): void {
    this.setMuted(!this.state.muted);
  }

  setMuted(muted: boolean): void {
    this.#silenced = false;
    this.#muted = muted;
    if (this.#video) this.#video.muted = muted;
    if (!muted && this.state.volume === 0) this.#setVolume(1);
    this.#changed();
  }

  /** @param volume From 0, which mutes, to 1. */
  setVolume(volume: number): void {
    this.#silenced = false;
    this.#muted = volume === 0;
    if (this.#video) this.#video.muted = this.#muted;
    this.#setVolume(volume);
    local.set('volume', String(volume));
    this.#changed();
  }

  #setVolume(volume: number): void {
    this.#volume = volume;
    if (this.#video) this.#video.volume = volume;
  }

  readonly #changed = (): void => this.emit('state', this.state);
}

function storedVolume(): number {
  const volume = Number(local.get('volume') ?? 1);
  return volume > 0 && volume <= 1 ? volume : 1;
}
