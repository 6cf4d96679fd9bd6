import type { types } from 'mediasoup';
import type { Config } from '../../config/schema.ts';

type Codec = types.RouterRtpCodecCapability;

const OPUS: Codec = { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2 };

/** G.711 (RFC 3551), for clients that have nothing else. Its payload types are assigned. */
const G711: Codec[] = [
  { kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, preferredPayloadType: 0 },
  { kind: 'audio', mimeType: 'audio/PCMA', clockRate: 8000, preferredPayloadType: 8 },
];

const VIDEO: Record<Config['media']['videoCodecs'][number], Codec[]> = {
  VP8: [{ kind: 'video', mimeType: 'video/VP8', clockRate: 90_000 }],
  // Constrained baseline first: what every browser and hardware decoder takes (RFC 7742, section 6.2
  // makes it mandatory). Main and high are what encoders such as OBS or cameras often send.
  H264: ['42e01f', '4d001f', '64001f'].map(h264),
  // Eight bits, 4:2:0: what browsers send of a camera.
  VP9: [{ kind: 'video', mimeType: 'video/VP9', clockRate: 90_000, parameters: { 'profile-id': 0 } }],
  AV1: [{ kind: 'video', mimeType: 'video/AV1', clockRate: 90_000 }],
};

/** The codecs that every router carries; all routers are alike. */
export function routerCodecs(media: Config['media']): Codec[] {
  return [OPUS, ...G711, ...media.videoCodecs.flatMap((codec) => VIDEO[codec])];
}

/** The header extension that alone says which layer a packet of AV1 is of, and whether a key frame begins there. */
export const DEPENDENCY_DESCRIPTOR =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

type Published = Pick<types.RtpParameters, 'codecs' | 'headerExtensions' | 'encodings'>;

/** Whether mediasoup sees key frames and layers in it: those of AV1 are told by the dependency descriptor alone. */
export function tellsKeyFrames({ codecs, headerExtensions = [] }: Published): boolean {
  const [codec] = codecs;
  return !codec || !isAv1(codec) || headerExtensions.some(({ uri }) => uri === DEPENDENCY_DESCRIPTOR);
}

export const isAv1 = ({ mimeType }: { mimeType: string }) => mimeType.toLowerCase() === 'video/av1';

/** Of SVC; of a simulcast mediasoup has the number of its streams in a consumer's mode: `L3T3`. */
export function spatialLayersOf({ encodings }: Pick<types.RtpParameters, 'encodings'>): number {
  return Number(/^[LS](\d)/.exec(encodings?.[0]?.scalabilityMode ?? '')?.[1] ?? 1);
}

/** Of layers that mediasoup does not see it would pass nothing on: so all is passed on as it comes. */
export function withKnownLayers<T extends Published>(parameters: T): T {
  if (tellsKeyFrames(parameters)) return parameters;
  const { encodings = [] } = parameters;
  return { ...parameters, encodings: encodings.map(({ scalabilityMode: _, ...encoding }) => encoding) };
}

/** Non-interleaved mode; the level is no matter to an SFU (RFC 6184, section 8.1). */
function h264(profile: string): Codec {
  return {
    kind: 'video',
    mimeType: 'video/H264',
    clockRate: 90_000,
    parameters: { 'profile-level-id': profile, 'packetization-mode': 1, 'level-asymmetry-allowed': 1 },
  };
}
