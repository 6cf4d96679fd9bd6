import type { CameraSettings, Config } from '../../config/schema.ts';
import type { CameraUrl } from '../base/camera-url.ts';
import { type AddressRule, resolveAddress } from './address.ts';
import { describe } from './rtsp-client.ts';
import { type Plan, planTracks, readTracks } from './tracks.ts';

export type ExamineOptions = {
  camera: CameraSettings;
  url: CameraUrl;
  allowed: AddressRule;
  media: Config['media'];
  /** They were seen in what it sent before. */
  bFrames?: boolean;
  signal?: AbortSignal;
};

/** How long a camera may take to answer. */
const TIMEOUT_MS = 5000;

/**
 * Asks a camera what it sends: where it is, and what is to be done with its tracks.
 * @throws CameraFault with what is wrong, AbortError by the signal.
 */
export async function examine(options: ExamineOptions): Promise<{ address: string; plan: Plan }> {
  const { camera, url, allowed, media, bFrames = false, signal } = options;
  const address = await resolveAddress(url.host, allowed, { signal });
  const sdp = await describe({ url, address }, { timeoutMs: TIMEOUT_MS, signal });
  const plan = planTracks(readTracks(sdp), {
    transcode: camera.transcode,
    carriesH264: media.videoCodecs.includes('H264'),
    bFramesSeen: bFrames,
  });
  return { address, plan };
}
