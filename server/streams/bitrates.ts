/** How much a publisher is expected, asked and allowed to send, all in bit/s. */
import type { Config } from '../../config/schema.ts';
import type { MediaKind, Notice } from '../protocol/messages.ts';
import type { GrantLimits } from './context.ts';

/** Headers and retransmissions. */
const WITH_OVERHEAD = 1.2;
/** What smaller pictures of a simulcast add to the largest (web/lib/simulcast.ts). */
const WITH_LAYERS = 1.35;

/** What one viewer gets, before it is measured. */
export function expectedBitrate(tracks: readonly MediaKind[], media: Config['media']): number {
  return tracks.reduce(
    (sum, kind) => sum + (kind === 'video' ? media.videoStartBitrate : media.audioBitrate),
    0,
  );
}

/** What a publisher sends in all, before it is measured. */
export function expectedUpload(tracks: readonly MediaKind[], media: Config['media']): number {
  return Math.round(expectedBitrate(tracks, media) * layersFactor(media));
}

/** Beyond it a publisher is ended. */
export function mostBitrate({ limits }: Config, { bitrate }: GrantLimits = {}): number {
  return Math.min(limits.publisherBitrate, bitrate ?? limits.publisherBitrate);
}

/** What a client is asked by RTCP to keep to, with what comes on top of the media itself. */
export function askedBitrate(config: Config, limits?: GrantLimits): number {
  const { media } = config;
  const sum = media.videoMaxBitrate * layersFactor(media) + stereoBitrate(media);
  return Math.min(mostBitrate(config, limits), Math.round(sum * WITH_OVERHEAD));
}

/** What an encoder is told: where to start, and the most, of its largest picture if there are several. */
export function videoBitrate(
  media: Config['media'],
  { bitrate }: GrantLimits = {},
): { start: number; max: number } {
  const allowed = bitrate === undefined ? media.videoMaxBitrate : Math.round(bitrate / layersFactor(media));
  const max = Math.min(media.videoMaxBitrate, allowed);
  return { start: Math.min(media.videoStartBitrate, max), max };
}

/** What a picture in so many sizes may take in all: the configured most is that of its largest. */
export function mostOfSizes(
  { videoMaxBitrate }: Config['media'],
  sizes: number,
  { bitrate = Number.POSITIVE_INFINITY }: GrantLimits = {},
): number {
  return Math.min(Math.round(videoMaxBitrate * (sizes > 1 ? WITH_LAYERS : 1)), bitrate);
}

const layersFactor = ({ simulcast }: Config['media']) => (simulcast ? WITH_LAYERS : 1);
const stereoBitrate = ({ audioBitrate, opus }: Config['media']) => audioBitrate * (opus.stereo ? 2 : 1);

export function overLimit(bitrate: number, limit: number): Notice {
  const megabits = (bits: number) => (bits / 1e6).toFixed(1);
  return {
    code: 'over_limit',
    message: `${megabits(bitrate)} Mbit/s are sent, of which ${megabits(limit)} are allowed: set a lower bitrate, or the stream is ended`,
  };
}
