/** The sizes in which a picture is sent. Pure. */
import type { AnswerOf } from '../../server/protocol/messages.ts';
import { maxBitrateFor, type VideoCodec } from './codecs.ts';

export type VideoSettings = {
  codec: VideoCodec;
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

export type VideoLimits = Pick<AnswerOf<'publish'>, 'videoBitrate' | 'simulcast'>;

/**
 * Each size has half the height of the next, so a quarter of its pixels; of bits it needs a little more than
 * that, though the smallest, for whoever has next to nothing, no more than so many.
 */
const SHARES = [1, 0.25, 0.08];
const MOST_OF_SMALLEST = 300_000;
/** In bit/s: with less a size is of no use. */
const LEAST = 100_000;

/** With what TypeScript does not know yet (W3C webrtc-svc). */
export type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

type Layer = Required<Pick<RTCRtpEncodingParameters, 'scaleResolutionDownBy' | 'maxBitrate'>>;

/** From the smallest to the largest, as mediasoup wants them. Their number stays as long as they are sent. */
export function encodingsFor(
  size: Size,
  video: VideoSettings,
  limits: VideoLimits,
  can: (scalabilityMode: string) => boolean = () => true,
): Encoding[] {
  const layers = layersFor(size, video, limits);
  const { codec } = video;
  if (codec === 'VP9' || codec === 'AV1') return inOneStream(layers, video, isSeveral(video, limits), can);
  return layers.map((layer) => ({
    ...layer,
    maxFramerate: video.frameRate,
    ...(layers.length > 1 && { scalabilityMode: TEMPORAL_LAYERS[codec] }),
  }));
}

/**
 * With two, a viewer may get half of the frames of a larger size; a quarter of them, as three would have it,
 * looks broken. mediasoup finds them in VP8's own header; in H.264 it would take a header extension.
 */
const TEMPORAL_LAYERS = { VP8: 'L1T2', H264: 'L1T1' };

/**
 * VP9 has its sizes in one stream (SVC), whose encoder divides the bits among them; inter-layer prediction is
 * for key frames alone, so that no viewer gets what is below its own size. AV1 has one size: of several,
 * Chromium shows nothing without the dependency descriptor, which mediasoup 3.27 does not pass on.
 * Where the browser cannot do it (`can`), it is the largest alone.
 */
function inOneStream(
  layers: readonly Layer[],
  { codec, frameRate }: VideoSettings,
  several: boolean,
  can: (scalabilityMode: string) => boolean,
): Encoding[] {
  const [largest] = layers.slice(-1);
  const scalabilityMode = codec === 'AV1' || layers.length === 1 ? 'L1T2' : `L${layers.length}T2_KEY`;
  if (!several || !can(scalabilityMode)) return [{ ...largest, maxFramerate: frameRate }];
  const maxBitrate = codec === 'AV1' ? largest?.maxBitrate : total(layers);
  return [{ ...largest, maxBitrate, maxFramerate: frameRate, scalabilityMode }];
}

const total = (layers: readonly Layer[]) => layers.reduce((sum, { maxBitrate }) => sum + maxBitrate, 0);

/**
 * The same encodings for a track of another size, which may be too small for all of them. One layer is then
 * the largest, as it is what the others are measured by; of several it is the smallest ones that Chromium
 * sends of a small picture.
 */
export function resized<T extends RTCRtpEncodingParameters>(
  encodings: readonly T[],
  size: Size,
  video: VideoSettings,
  limits: VideoLimits,
): T[] {
  const layers = layersFor(size, video, limits).slice(-encodings.length);
  const first = layers.length === 1 ? encodings.length - 1 : 0;
  return encodings.map((encoding, index) => {
    const layer = layers[index - first];
    return layer ? { ...encoding, ...layer, active: true } : { ...encoding, active: false };
  });
}

function layersFor(size: Size, video: VideoSettings, { videoBitrate, simulcast }: VideoLimits): Layer[] {
  const { width, height } = size;
  const sent = width && height ? Math.min(width, height, video.height) : video.height;
  // For cameras that give less than was asked for.
  const wanted = video.maxBitrate * (maxBitrateFor(sent) / maxBitrateFor(video.height));
  const most = Math.min(wanted, videoBitrate.max);
  const count = isSeveral(video, { simulcast }) ? countFor(sent) : 1;
  return SHARES.slice(0, count)
    .map((share, index) => ({
      scaleResolutionDownBy: scaleFor(size, video) * 2 ** index,
      maxBitrate: Math.round(index === 2 ? Math.min(most * share, MOST_OF_SMALLEST) : most * share),
    }))
    .filter(({ maxBitrate }, index) => index === 0 || maxBitrate >= LEAST)
    .reverse();
}

function isSeveral({ simulcast }: VideoSettings, limits: Pick<VideoLimits, 'simulcast'>): boolean {
  return limits.simulcast && simulcast !== false;
}

/** By the height of the largest; the smallest is not to be less than 180 pixels high. */
function countFor(height: number): number {
  if (height >= 720) return 3;
  return height >= 480 ? 2 : 1;
}

/** For cameras that give more than was asked for. */
function scaleFor({ width, height }: Size, video: VideoSettings): number {
  if (!width || !height) return 1;
  return Math.max(1, Math.min(width, height) / video.height);
}
