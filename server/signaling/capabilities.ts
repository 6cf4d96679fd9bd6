import type { types } from 'mediasoup';
import { type RtpCapabilities, rtpCapabilities } from '../protocol/messages.ts';

/**
 * The header extensions that a broadcast of VP8 or H.264 with Opus makes use of. Not that of the video's
 * orientation: a phone that may not say it turns the picture itself, and recordings have it upright.
 */
const USED = [
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
];

/** The router's RTP capabilities as clients get them: what is never used would cost bytes in every join. */
export function wireCapabilities({ codecs, headerExtensions = [] }: types.RtpCapabilities): RtpCapabilities {
  return rtpCapabilities.parse({
    codecs,
    headerExtensions: headerExtensions.filter(({ uri }) => USED.includes(uri)),
  });
}
