import type { types } from 'mediasoup';
import { type RtpCapabilities, rtpCapabilities } from '../protocol/messages.ts';

/**
 * The header extensions that a broadcast makes use of. Not that of the video's orientation: a phone that may
 * not say it turns the picture itself, and recordings have it upright.
 */
const USED = [
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
];

/** In AV1 it alone says which layer a packet is of, and whether a key frame begins there. */
const DEPENDENCY_DESCRIPTOR =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

/** The router's RTP capabilities as clients get them: what is never used would cost bytes in every join. */
export function wireCapabilities({ codecs, headerExtensions = [] }: types.RtpCapabilities): RtpCapabilities {
  const used = codecs?.some(({ mimeType }) => /\/av1$/i.test(mimeType))
    ? [...USED, DEPENDENCY_DESCRIPTOR]
    : USED;
  return rtpCapabilities.parse({
    codecs,
    headerExtensions: headerExtensions.filter(({ uri }) => used.includes(uri)),
  });
}
