import type { types } from 'mediasoup';
import { DEPENDENCY_DESCRIPTOR, isAv1 } from '../../workers/media/codecs.ts';
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

/** The router's RTP capabilities as clients get them: what is never used would cost bytes in every join. */
export function wireCapabilities({ codecs, headerExtensions = [] }: types.RtpCapabilities): RtpCapabilities {
  const used = codecs?.some(isAv1) ? [...USED, DEPENDENCY_DESCRIPTOR] : USED;
  return rtpCapabilities.parse({
    codecs,
    headerExtensions: headerExtensions.filter(({ uri }) => used.includes(uri)),
  });
}
