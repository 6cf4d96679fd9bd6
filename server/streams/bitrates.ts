/** How much a publisher is expected, asked and allowed to send, all in bit/s. */
import type { Config } from '../../config/schema.ts';
import type { MediaKind, Notice } from '../protocol/messages.ts';
import type { GrantLimits } from './context.ts';

/** Headers and retransmissions. */
const WITH_OVERHEAD = 1.2;

/** What it may be before it is measured. */
export function expectedBitrate(tracks: readonly MediaKind[], media: Config['media']): number {
  return tracks.reduce(
    (sum, kind) => sum + (kind === 'video' ? media.videoStartBitrate : media.audioBitrate),
    0,
  );
}

/** Beyond it a publisher is ended. */
export function mostBitrate({ limits }: Config, { bitrate }: GrantLimits = {}): number {
  return Math.min(limits.publisherBitrate, bitrate ?? limits.publisherBitrate);
}

/** What a client is asked by RTCP to keep to, with what comes on top of the media itself. */
export function askedBitrate(config: Config, limits?: GrantLimits): number {
  const { videoMaxBitrate, audioBitrate } = config.media;
  return Math.min(mostBitrate(config, limits), Math.round((videoMaxBitrate + audioBitrate) * WITH_OVERHEAD));
}

export function overLimit(bitrate: number, limit: number): Notice {
  const megabits = (bits: number) => (bits / 1e6).toFixed(1);
  return {
    code: 'over_limit',
    message: `${megabits(bitrate)} Mbit/s are sent, of which ${megabits(limit)} are allowed: set a lower bitrate, or the stream is ended`,
  };
}
