import type { types } from 'mediasoup-client';
import type { AnswerOf } from '../../server/protocol/messages.ts';
import { canSendLayers } from './codecs.ts';
import { encodingsFor, resized, type VideoLimits, type VideoSettings } from './simulcast.ts';

export type { VideoSettings } from './simulcast.ts';

export type AudioSettings = {
  /** Where the server takes it: of a source that has two channels, with twice the bits. */
  stereo: boolean;
};

/** Not stopped, nor enabled: mediasoup-client would unmute a muted microphone that takes another's place. */
const TRACKS_ARE_THE_CALLERS = { stopTracks: false, disableTrackOnPause: false };

export function videoProducerOptions(
  track: MediaStreamTrack,
  codec: types.RtpCodecCapability,
  video: VideoSettings,
  limits: VideoLimits,
): types.ProducerOptions {
  track.contentHint ||= 'motion';
  const encodings = encodingsFor(track.getSettings(), video, limits, canSendLayers);
  const all = encodings.reduce((sum, { maxBitrate = 0 }) => sum + maxBitrate, 0);
  return {
    track,
    codec,
    ...TRACKS_ARE_THE_CALLERS,
    encodings,
    // Browsers begin at 300 kbit/s, which is too little for the chosen size.
    codecOptions: { videoGoogleStartBitrate: Math.round(Math.min(limits.videoBitrate.start, all) / 1000) },
  };
}

export function audioProducerOptions(
  track: MediaStreamTrack,
  codec: types.RtpCodecCapability,
  audio: AudioSettings,
  { audioBitrate, opus }: Pick<AnswerOf<'publish'>, 'audioBitrate' | 'opus'>,
): types.ProducerOptions {
  const stereo = audio.stereo && opus.stereo;
  return {
    track,
    codec,
    ...TRACKS_ARE_THE_CALLERS,
    codecOptions: {
      opusStereo: stereo,
      opusFec: opus.fec,
      opusDtx: opus.dtx,
      opusNack: true,
      opusMaxAverageBitrate: stereo ? 2 * audioBitrate : audioBitrate,
    },
  };
}

/** Also right after producing, with the same track: for what cannot be said when a producer is made. */
export async function replaceProducerTrack(
  producer: types.Producer,
  track: MediaStreamTrack | null,
  video: VideoSettings,
  limits: VideoLimits,
): Promise<void> {
  await producer.replaceTrack({ track });
  if (producer.kind !== 'video' || !producer.rtpSender || !track) return;
  track.contentHint ||= 'motion';
  // A browser that cannot hold it still sends: no reason to fail.
  await holdResolution(producer.rtpSender, track, video, limits).catch(() => {});
}

/**
 * What was chosen is what is sent: on a narrow path the picture may stutter before it shrinks, for viewers
 * take a shrunken one for a mistake. Of several sizes the largest are left out first, which browsers do by
 * themselves; each keeps its size then too, as viewers choose by it.
 */
async function holdResolution(
  sender: RTCRtpSender,
  track: MediaStreamTrack,
  video: VideoSettings,
  limits: VideoLimits,
): Promise<void> {
  const parameters = sender.getParameters();
  parameters.degradationPreference = 'maintain-resolution';
  parameters.encodings = resized(parameters.encodings, track.getSettings(), video, limits);
  await sender.setParameters(parameters);
}
