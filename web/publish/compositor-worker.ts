/** Draws scenes from frames to frames, apart from the page; see compositor-apart.ts. */
import { type Drawable, paint } from './paint.ts';

/** Something to be drawn: sent once, and by its key alone as long as it stays. */
export type Part = { key: number; readable?: ReadableStream<VideoFrame>; image?: ImageBitmap };

export type FromPage =
  | { type: 'start'; writable: WritableStream<VideoFrame>; width: number; height: number; frameRate: number }
  | {
      type: 'scene';
      main: Part | undefined;
      corner: Part | undefined;
      card: readonly [string, string];
    };

type Start = Extract<FromPage, { type: 'start' }>;
type Shown = Extract<FromPage, { type: 'scene' }>;

/** A picture that stands still is sent anew this often, in ms: newcomers wait for the next one. */
const AT_LEAST_EVERY = 200;

/** What is there of each part: the latest frame, or the image. */
class Input {
  latest: Drawable | undefined;
  #frame: VideoFrame | undefined;
  readonly #image: ImageBitmap | undefined;
  readonly #reader: ReadableStreamDefaultReader<VideoFrame> | undefined;

  constructor({ readable, image }: Part, onFrame: () => void) {
    this.#image = image;
    if (image) this.latest = { image, width: image.width, height: image.height };
    this.#reader = readable?.getReader();
    void this.#read(onFrame);
  }

  async #read(onFrame: () => void): Promise<void> {
    for (;;) {
      const next = await this.#reader?.read();
      if (!next?.value) return;
      const frame = next.value;
      this.#frame?.close();
      this.#frame = frame;
      this.latest = { image: frame, width: frame.displayWidth, height: frame.displayHeight };
      onFrame();
    }
  }

  close(): void {
    // Its source stays the page's.
    void this.#reader?.cancel();
    this.#frame?.close();
    this.#image?.close();
    this.latest = undefined;
  }
}

const inputs = new Map<number, Input>();
let scene: Shown | undefined;
let changed = false;

addEventListener('message', ({ data }: MessageEvent<FromPage>) => {
  if (data.type === 'start') return start(data);
  const parts = [data.main, data.corner].filter((part) => part !== undefined);
  for (const [key, input] of inputs) {
    if (parts.some((part) => part.key === key)) continue;
    input.close();
    inputs.delete(key);
  }
  for (const part of parts) {
    if (!inputs.has(part.key)) inputs.set(part.key, new Input(part, onFrame));
  }
  scene = data;
  changed = true;
});

function onFrame(): void {
  changed = true;
}

function start({ writable, width, height, frameRate }: Start): void {
  const writer = writable.getWriter();
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) return;
  let lastAt = 0;
  // A worker's timers go on at their pace while the page is hidden.
  setInterval(() => {
    const now = performance.now();
    const due = changed || now - lastAt >= AT_LEAST_EVERY;
    if (!scene || !due || (writer.desiredSize ?? 0) <= 0) return;
    const main = scene.main && inputs.get(scene.main.key)?.latest;
    // What was shown so far stays until there is something to show instead.
    if (scene.main && !main && lastAt > 0) return;
    changed = false;
    lastAt = now;
    const corner = scene.corner && inputs.get(scene.corner.key)?.latest;
    paint(context, { width, height }, { main, corner, card: scene.main ? ['', ''] : scene.card });
    writer.write(new VideoFrame(canvas, { timestamp: now * 1000 })).catch(() => {});
  }, 1000 / frameRate);
}
