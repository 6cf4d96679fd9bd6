/** The sizes in which a picture is sent. Pure. */
import type { AnswerOf } from '../../server/protocol/messages.ts';

export type VideoSettings = {
  codec: 'VP8' | 'H264';
  /** Of a landscape picture; the shorter side in any case. */
  height: number;
  frameRate: number;
  /** Bits per second, of the largest size. */
  maxBitrate: number;
  /** Several sizes, where the server takes them; left out: yes. */
  simulcast?: boolean | undefined;
};

/** What a track gives; undefined where that is not known yet. */
export type Size = { width?: number | undefined; height?: number | undefined };

type Limits = Pick<AnswerOf<'publish'>, 'videoBitrate' | 'simulcast'>;

/**
 * Each size has half the height of the next, so a quarter of its pixels; of bits it needs a little more than
 * that. Largest first; the share is that of the largest's bitrate.
 */
const LAYERS = [
  { scale: 1, share: 1, most: Number.POSITIVE_INFINITY },
  { scale: 2, share: 0.25, most: Number.POSITIVE_INFINITY },
  // However large the largest: this one is for whoever has next to nothing.
  { scale: 4, share: 0.08, most: 300_000 },
];
/** Below, in pixels of the shorter side and in bit/s, a size is of no use. */
const LEAST = { height: 180, bitrate: 100_000 };

/** From the smallest to the largest, as mediasoup wants them. With several, the number stays while it is sent. */
export function encodingsFor(size: Size, video: VideoSettings, limits: Limits): RTCRtpEncodingParameters[] {
  const maxBitrate = Math.min(video.maxBitrate, limits.videoBitrate.max);
  const layers = LAYERS.map(({ scale, share, most }) => ({
    scale,
    maxBitrate: Math.min(most, Math.round(maxBitrate * share)),
  })).filter(
    ({ scale, maxBitrate }) =>
      scale === 1 || (sentHeight(size, video) / scale >= LEAST.height && maxBitrate >= LEAST.bitrate),
  );
  const sent = limits.simulcast && video.simulcast !== false ? layers : layers.slice(0, 1);
  return sent.toReversed().map((layer) => ({
    maxBitrate: layer.maxBitrate,
    maxFramerate: video.frameRate,
    scaleResolutionDownBy: scaleFor(size, video) * layer.scale,
    ...(sent.length > 1 && { scalabilityMode: TEMPORAL_LAYERS[video.codec] }),
  }));
}

/** mediasoup finds them in VP8's own header; in H.264 it would take a header extension. */
const TEMPORAL_LAYERS = { VP8: 'L1T3', H264: 'L1T1' };

/**
 * The same encodings for a track of another size: the largest is what was chosen, or what there is, and
 * those that would become too small rest.
 */
export function resized<T extends RTCRtpEncodingParameters>(
  encodings: readonly T[],
  size: Size,
  video: VideoSettings,
): T[] {
  const { length } = encodings;
  return encodings.map((encoding, index) => {
    const scale = 2 ** (length - 1 - index);
    return {
      ...encoding,
      active: scale === 1 || sentHeight(size, video) / scale >= LEAST.height,
      scaleResolutionDownBy: scaleFor(size, video) * scale,
    };
  });
}

/** For cameras that give more than was asked for. */
export function scaleFor({ width, height }: Size, video: VideoSettings): number {
  if (!width || !height) return 1;
  return Math.max(1, Math.min(width, height) / video.height);
}

/** Of the largest size, the shorter side. */
function sentHeight({ width, height }: Size, video: VideoSettings): number {
  return width && height ? Math.min(width, height, video.height) : video.height;
}
