/** Which picture of a simulcast to ask for: sizes and reasons, without a browser. Layers count from the smallest. */

/** What a viewer may choose: as large as there is use and room for, sound alone, or no larger than one layer. */
export type Wish = 'auto' | 'audio' | number;

/** Why it is not the largest picture. */
export type Reason = 'connection' | 'publisher' | 'window' | 'decoder';

/** A picture may be enlarged by this much before the next larger one is asked for. */
const STRETCH = 1.05;

/** The heights of all layers, in pixels, from what is seen of one of them. */
export function heightsOf(
  scales: readonly number[],
  current: number | null,
  height: number,
): readonly number[] | undefined {
  const scale = current === null ? undefined : scales[current];
  if (scale === undefined || height === 0) return undefined;
  return scales.map((other) => Math.round((height * scale) / other));
}

/**
 * The smallest layer that fills `needed` pixels of height. A smaller one than at `present` has to do so
 * without being enlarged at all: a window that is dragged does not make the picture change back and forth.
 */
export function layerFor(heights: readonly number[], needed: number, present: number): number {
  const last = heights.length - 1;
  const first = (enough: (height: number) => boolean) => {
    const found = heights.findIndex(enough);
    return found < 0 ? last : found;
  };
  const up = first((height) => height * STRETCH >= needed);
  return up >= present
    ? up
    : Math.min(
        present,
        first((height) => height >= needed),
      );
}

/** How high a picture of this shape is drawn in a room of device pixels, whole and undistorted. */
export function drawnHeight(
  room: { width: number; height: number },
  picture: { width: number; height: number },
): number {
  if (picture.width === 0 || picture.height === 0) return room.height;
  return Math.min(room.height, (room.width * picture.height) / picture.width);
}

type Circumstances = {
  wish: Wish;
  /** What is shown. */
  current: number;
  /** How many there are. */
  count: number;
  /** The largest that the window has use for, and that this device decodes. */
  window: number;
  decoder: number;
  /** What the publisher sends is less than it was asked for. */
  publisherLimited: boolean;
};

/** Why not more than this is shown; undefined: there is no more, or no more is wished. */
export function reasonFor(circumstances: Circumstances): Reason | undefined {
  const { wish, current, count, window, decoder, publisherLimited } = circumstances;
  const asked = typeof wish === 'number' ? wish : Math.min(window, decoder);
  if (current < asked) return publisherLimited ? 'publisher' : 'connection';
  if (typeof wish === 'number' || current >= count - 1) return undefined;
  return decoder < window ? 'decoder' : 'window';
}
