/**
 * How large the picture of encoders and cameras is, who do not tell: seen in a key frame, of one publisher
 * at a time, now and then, while a dashboard is open.
 */
import { hasKeyFrames, nextKeyFrame } from '../../../workers/ffmpeg/key-frame.ts';
import type { Publisher } from '../../streams/publisher.ts';

type Size = { width: number; height: number };

/** An encoder that heeds no request sends a key frame by itself, or is seen another time. */
const DEADLINE_MS = 3000;
/** It costs the publisher a key frame. */
const AGAIN_MS = 120_000;

export class PictureSizes {
  readonly #sizes = new WeakMap<Publisher, Size>();
  readonly #askedAt = new WeakMap<Publisher, number>();
  #busy = false;

  of(publisher: Publisher): Size | undefined {
    return this.#sizes.get(publisher);
  }

  /** @param now In ms, of any clock. */
  take(publishers: Iterable<Publisher>, now: number): void {
    if (this.#busy) return;
    for (const publisher of publishers) {
      const { live, sending } = publisher;
      if (!live || sending || now - (this.#askedAt.get(publisher) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS)
        continue;
      this.#askedAt.set(publisher, now);
      void this.#look(publisher);
      return;
    }
  }

  async #look(publisher: Publisher): Promise<void> {
    const { home, producers } = publisher;
    // Of several sizes only one would be seen.
    const producer = producers.find((each) => each.type === 'simple' && hasKeyFrames(each));
    if (!producer) return;
    this.#busy = true;
    try {
      const signal = AbortSignal.timeout(DEADLINE_MS);
      const { format } = await nextKeyFrame({ router: home.router, producer, signal });
      const turned = format.rotation % 180 !== 0;
      const { width, height } = format;
      this.#sizes.set(publisher, turned ? { width: height, height: width } : { width, height });
    } catch {
      // Then it is not known, until the next time.
    } finally {
      this.#busy = false;
    }
  }
}
