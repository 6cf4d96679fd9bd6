/** Chromium's way to a track's frames (W3C mediacapture-transform, as it was before it moved to workers). */
declare class MediaStreamTrackProcessor {
  constructor(init: { track: MediaStreamTrack });
  readonly readable: ReadableStream<VideoFrame>;
}

declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(init: { kind: 'video' });
  readonly writable: WritableStream<VideoFrame>;
}

interface HTMLMediaElement {
  /** Not in Safari. */
  captureStream?(): MediaStream;
}
