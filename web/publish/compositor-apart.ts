import type { FromPage, Part } from './compositor-worker.ts';
import type { Scene, Size, Source } from './scene.ts';

export function canDrawApart(): boolean {
  return (
    typeof MediaStreamTrackProcessor === 'function' &&
    typeof MediaStreamTrackGenerator === 'function' &&
    typeof OffscreenCanvas === 'function' &&
    typeof HTMLVideoElement.prototype.captureStream === 'function'
  );
}

/** The page's end of a worker that draws: frames go there and come back without passing by here. */
export class WorkerCompositor {
  readonly #track = new MediaStreamTrackGenerator({ kind: 'video' });
  readonly #worker = new Worker(new URL('./compositor-worker.ts', import.meta.url), { type: 'module' });
  /** What the worker has already, by the key under which. */
  #known = new Map<Source, number>();
  #lastKey = 0;

  constructor({ width, height }: Size, frameRate: number) {
    const { writable } = this.#track;
    this.#send({ type: 'start', writable, width, height, frameRate }, [writable]);
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  show({ main, corner, card }: Scene): void {
    const transfer: Transferable[] = [];
    const kept = new Map<Source, number>();
    const part = (source: Source | undefined): Part | undefined => {
      if (!source) return undefined;
      const known = this.#known.get(source) ?? kept.get(source);
      const key = known ?? ++this.#lastKey;
      kept.set(source, key);
      if (known !== undefined) return { key };
      if (source instanceof ImageBitmap) return { key, image: source };
      const track = source instanceof MediaStreamTrack ? source : videoOf(source);
      if (!track) return undefined;
      const { readable } = new MediaStreamTrackProcessor({ track });
      transfer.push(readable);
      return { key, readable };
    };
    this.#send({ type: 'scene', main: part(main), corner: part(corner), card }, transfer);
    this.#known = kept;
  }

  close(): void {
    this.#track.stop();
    this.#worker.terminate();
  }

  #send(message: FromPage, transfer: Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }
}

function videoOf(film: HTMLVideoElement): MediaStreamTrack | undefined {
  return film.captureStream?.().getVideoTracks()[0];
}
