import { maxBitrateFor, type VideoCodec } from '../lib/codecs.ts';
import type { VideoSettings } from '../lib/sending.ts';

export const RESOLUTIONS = [
  { value: '360', width: 640, height: 360, label: '360p' },
  { value: '480', width: 854, height: 480, label: '480p' },
  { value: '720', width: 1280, height: 720, label: '720p' },
  { value: '1080', width: 1920, height: 1080, label: '1080p' },
] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export const CODECS = [
  { value: 'VP8', label: 'VP8' },
  { value: 'H264', label: 'H.264' },
  { value: 'VP9', label: 'VP9' },
  { value: 'AV1', label: 'AV1' },
] as const satisfies readonly { value: VideoCodec; label: string }[];
export type Codec = VideoCodec;

/** What servers carry unless told otherwise: for as long as this one has not said. */
export const USUAL_CODECS: readonly Codec[] = ['VP8', 'H264'];

export const FRAME_RATE = 30;

export function resolutionOf(value: string | undefined): Resolution {
  return RESOLUTIONS.find((resolution) => resolution.value === value) ?? RESOLUTIONS[2];
}

export function codecOf(value: string | undefined): Codec {
  return CODECS.find((codec) => codec.value === value)?.value ?? 'VP8';
}

/** The codec that was chosen, if it is to be had here, else the first that is. */
export function offeredCodec(chosen: Codec, offered: readonly Codec[]): Codec {
  return offered.includes(chosen) ? chosen : (offered[0] ?? chosen);
}

export function videoSettings(codec: Codec, { height }: Resolution): VideoSettings {
  return { codec, height, frameRate: FRAME_RATE, maxBitrate: maxBitrateFor(height) };
}

/** What goes up of all sizes together: the largest, a quarter, and a little. */
export function bitrateLabel({ height }: Resolution): string {
  return `${((maxBitrateFor(height) * 1.33) / 1e6).toFixed(1)} Mbit/s`;
}

/** What the camera gives, if that is less than was chosen: `640 × 480`. */
export function shortfall(track: MediaStreamTrack, chosen: Resolution): string | undefined {
  const { width, height } = track.getSettings();
  if (!width || !height || Math.min(width, height) >= chosen.height) return undefined;
  return `${width} × ${height}`;
}
