import { type Drawable, paint } from './paint.ts';
import type { Scene, Size, Source } from './scene.ts';

/** A picture that stands still is drawn anew this often, in ms: newcomers wait for the next one. */
const AT_LEAST_EVERY = 200;

/** For browsers that let no frames go to a worker: draws on the page, by a clock that goes on in a hidden tab. */
export class PageCompositor {
  readonly #canvas = document.createElement('canvas');
  readonly #context = this.#canvas.getContext('2d', { alpha: false });
  readonly #ticker = new Worker(new URL('./ticker.ts', import.meta.url), { type: 'module' });
  readonly #track: MediaStreamTrack;
  #films = new Map<Source, Film>();
  #scene: Scene | undefined;
  #changed = false;
  #lastAt = 0;

  constructor({ width, height }: Size, frameRate: number) {
    Object.assign(this.#canvas, { width, height });
    const [track] = this.#canvas.captureStream(frameRate).getVideoTracks();
    if (!track) throw new Error('This browser captures no canvas.');
    this.#track = track;
    this.#ticker.onmessage = () => this.#draw();
    this.#ticker.postMessage(1000 / frameRate);
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  show(scene: Scene): void {
    const kept = new Map<Source, Film>();
    for (const source of [scene.main, scene.corner]) {
      if (!source || source instanceof ImageBitmap) continue;
      const film = this.#films.get(source) ?? new Film(source, () => this.#touch());
      kept.set(source, film);
    }
    for (const [source, film] of this.#films) {
      if (!kept.has(source)) film.close();
    }
    this.#films = kept;
    this.#scene = scene;
    this.#touch();
  }

  close(): void {
    this.#ticker.terminate();
    this.#track.stop();
    for (const film of this.#films.values()) film.close();
  }

  #touch(): void {
    this.#changed = true;
  }

  #draw(): void {
    const now = performance.now();
    // In a hidden tab nobody tells of new frames.
    const due = this.#changed || document.hidden || now - this.#lastAt >= AT_LEAST_EVERY;
    if (!this.#scene || !this.#context || !due) return;
    const { main: source, corner, card } = this.#scene;
    const main = this.#drawable(source);
    // What was shown so far stays until there is something to show instead.
    if (source && !main && this.#lastAt > 0) return;
    this.#changed = false;
    this.#lastAt = now;
    const painting = { main, corner: this.#drawable(corner), card: source ? (['', ''] as const) : card };
    paint(this.#context, this.#canvas, painting);
  }

  #drawable(source: Source | undefined): Drawable | undefined {
    if (source instanceof ImageBitmap) return { image: source, width: source.width, height: source.height };
    return source && this.#films.get(source)?.latest;
  }
}

/** A track played, or a film that plays already, to be drawn from. */
class Film {
  readonly #video: HTMLVideoElement;
  readonly #own: boolean;
  #closed = false;

  constructor(source: MediaStreamTrack | HTMLVideoElement, onFrame: () => void) {
    this.#own = source instanceof MediaStreamTrack;
    this.#video = source instanceof MediaStreamTrack ? played(source) : source;
    const next = () => {
      if (this.#closed) return;
      onFrame();
      this.#video.requestVideoFrameCallback(next);
    };
    this.#video.requestVideoFrameCallback(next);
  }

  get latest(): Drawable | undefined {
    const { readyState, videoWidth: width, videoHeight: height } = this.#video;
    return readyState >= HTMLMediaElement.HAVE_CURRENT_DATA
      ? { image: this.#video, width, height }
      : undefined;
  }

  close(): void {
    this.#closed = true;
    if (this.#own) this.#video.srcObject = null;
  }
}

function played(track: MediaStreamTrack): HTMLVideoElement {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  // Taken away before it began: then nothing is to be drawn from it.
  video.play().catch(() => {});
  return video;
}
