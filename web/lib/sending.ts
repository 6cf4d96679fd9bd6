import type { types } from 'mediasoup-client';
import type { AnswerOf } from '../../server/protocol/messages.ts';

export type VideoSettings = {
  codec: 'VP8' | 'H264';
  /** Of a landscape picture; the shorter side in any case. */
  height: number;
  frameRate: number;
  /** Bits per second. */
  maxBitrate: number;
};

type Limits = Pick<AnswerOf<'publish'>, 'videoBitrate' | 'audioBitrate'>;

export function videoProducerOptions(
  track: MediaStreamTrack,
  codec: types.RtpCodecCapability,
  video: VideoSettings,
  { videoBitrate }: Limits,
): types.ProducerOptions {
  track.contentHint = 'motion';
  const maxBitrate = Math.min(video.maxBitrate, videoBitrate.max);
  return {
    track,
    codec,
    stopTracks: false,
    encodings: [{ maxBitrate, maxFramerate: video.frameRate, scaleResolutionDownBy: scaleFor(track, video) }],
    // Browsers begin at 300 kbit/s, which is too little for the chosen size.
    codecOptions: { videoGoogleStartBitrate: Math.round(Math.min(videoBitrate.start, maxBitrate) / 1000) },
  };
}

export function audioProducerOptions(
  track: MediaStreamTrack,
  { audioBitrate }: Limits,
): types.ProducerOptions {
  return {
    track,
    stopTracks: false,
    // Discontinuous transmission saves a little and costs word beginnings.
    codecOptions: { opusFec: true, opusDtx: false, opusNack: true, opusMaxAverageBitrate: audioBitrate },
  };
}

/** Also right after producing, with the same track: for what cannot be said when a producer is made. */
export async function replaceProducerTrack(
  producer: types.Producer,
  track: MediaStreamTrack | null,
  video: VideoSettings,
): Promise<void> {
  await producer.replaceTrack({ track });
  if (producer.kind !== 'video' || !producer.rtpSender || !track) return;
  track.contentHint = 'motion';
  // A browser that cannot hold it still sends: no reason to fail.
  await holdResolution(producer.rtpSender, track, video).catch(() => {});
}

/**
 * What was chosen is what is sent: on a narrow path the picture may stutter
 * before it shrinks, for viewers take a shrunken one for a mistake.
 */
async function holdResolution(
  sender: RTCRtpSender,
  track: MediaStreamTrack,
  video: VideoSettings,
): Promise<void> {
  const parameters = sender.getParameters();
  parameters.degradationPreference = 'maintain-resolution';
  for (const encoding of parameters.encodings) encoding.scaleResolutionDownBy = scaleFor(track, video);
  await sender.setParameters(parameters);
}

/** For cameras that give more than was asked for. */
export function scaleFor(track: MediaStreamTrack, { height }: VideoSettings): number {
  const settings = track.getSettings();
  if (!settings.width || !settings.height) return 1;
  return Math.max(1, Math.min(settings.width, settings.height) / height);
}
