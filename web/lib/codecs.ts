import type { types } from 'mediasoup-client';
import { PharosClientError } from './errors.ts';
import type { Encoding } from './simulcast.ts';

export const VIDEO_CODECS = ['VP8', 'H264', 'VP9', 'AV1'] as const;
export type VideoCodec = (typeof VIDEO_CODECS)[number];
export type AudioCodec = 'opus';

/**
 * The router's codec to send. Of the H.264 profiles constrained baseline in
 * packetization mode 1 comes first: every browser decodes it, and every
 * encoder there is makes it.
 * @throws PharosClientError `unsupported_codec` if browser and server do not share it.
 */
export function chooseCodec(
  capabilities: types.RtpCapabilities,
  codec: VideoCodec | AudioCodec,
): types.RtpCodecCapability {
  const [best] = sharedCodecs(capabilities, codec).sort((a, b) => rank(a) - rank(b));
  if (!best) {
    throw new PharosClientError(
      'unsupported_codec',
      `This browser and the server share no ${codec} encoder.`,
    );
  }
  return best;
}

/** Those of video that browser and server share, in the order in which they are offered to people. */
export function sharedVideoCodecs(capabilities: types.RtpCapabilities): VideoCodec[] {
  return VIDEO_CODECS.filter((codec) => sharedCodecs(capabilities, codec).length > 0);
}

function sharedCodecs({ codecs = [] }: types.RtpCapabilities, codec: VideoCodec | AudioCodec) {
  const mimeType = `${codec === 'opus' ? 'audio' : 'video'}/${codec}`.toLowerCase();
  return codecs.filter((each) => each.mimeType.toLowerCase() === mimeType);
}

function rank({ parameters = {} }: types.RtpCodecCapability): number {
  const profile = String(parameters['profile-level-id'] ?? '').toLowerCase();
  const mode = Number(parameters['packetization-mode'] ?? 0) === 1 ? 0 : 1;
  return mode + (profile.startsWith('42e0') ? 0 : profile.startsWith('4200') ? 2 : 4);
}

/** Bits per second that look good for the size: about 0.09 bits a pixel at 30 frames, more where pixels are few. */
export function maxBitrateFor(height: number): number {
  if (height <= 360) return 900_000;
  if (height <= 480) return 1_500_000;
  if (height <= 720) return 2_800_000;
  return 5_000_000;
}

/** Whether this browser sends several sizes in one stream (Scalable Video Coding, W3C webrtc-svc): it says so by keeping the mode. */
export function canSendLayers(scalabilityMode: string): boolean {
  const peer = new RTCPeerConnection();
  try {
    const asked: Encoding = { scalabilityMode };
    const { sender } = peer.addTransceiver('video', { sendEncodings: [asked] });
    const [kept]: Encoding[] = sender.getParameters().encodings;
    return kept?.scalabilityMode === scalabilityMode;
  } catch {
    return false;
  } finally {
    peer.close();
  }
}
