/** What viewers see, as a thing to be drawn; and where on the picture each part goes. */

/** A camera or a screen; an image; a film. */
export type Source = MediaStreamTrack | ImageBitmap | HTMLVideoElement;

export type Scene = {
  /** Nothing: a card says so. */
  main: Source | undefined;
  /** A camera over the main picture. */
  corner: MediaStreamTrack | undefined;
  /** Two lines for when there is no picture. */
  card: readonly [string, string];
};

export type Picture = 'camera' | 'screen' | 'slate';

type Given = {
  picture: Picture;
  corner: boolean;
  camera: MediaStreamTrack | undefined;
  screen: MediaStreamTrack | undefined;
  slate: ImageBitmap | HTMLVideoElement | undefined;
  card: readonly [string, string];
};

/** A screen or a slate that is chosen and gone gives way to the camera. */
export function sceneOf({ picture, corner, camera, screen, slate, card }: Given): Scene {
  const over = { screen, slate, camera: undefined }[picture];
  if (!over) return { main: camera, corner: undefined, card };
  return { main: over, corner: corner ? camera : undefined, card };
}

/** The track that shows the scene just as it is, with nothing to be drawn. */
export function asTrack({ main, corner }: Scene): MediaStreamTrack | undefined {
  return main instanceof MediaStreamTrack && !corner ? main : undefined;
}

export type Size = { width: number; height: number };
export type Box = Size & { x: number; y: number };

/** As large as it goes, whole and in the middle. */
export function contain(inner: Size, outer: Size): Box {
  const scale = Math.min(outer.width / inner.width, outer.height / inner.height);
  const width = Math.round(inner.width * scale);
  const height = Math.round(inner.height * scale);
  return { width, height, x: (outer.width - width) >> 1, y: (outer.height - height) >> 1 };
}

/** Of the picture's width or height, whichever it reaches first. */
const CORNER = 0.26;
const MARGIN = 0.025;

/** Bottom right, where slides have the least. */
export function cornerBox(inner: Size, outer: Size): Box {
  const most = { width: outer.width * CORNER, height: outer.height * CORNER * 1.2 };
  const { width, height } = contain(inner, most);
  const margin = Math.round(outer.width * MARGIN);
  return { width, height, x: outer.width - width - margin, y: outer.height - height - margin };
}
