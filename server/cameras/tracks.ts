/** From a camera's SDP to what is copied, what is encoded anew, and what cannot be played. Pure. */
import sdpTransform, { type MediaDescription } from 'sdp-transform';
import { readSps, type Sps } from '../base/h264-sps.ts';
import { CameraFault } from './fault.ts';

export type CameraTracks = {
  video: VideoTrack | undefined;
  audio: AudioTrack | undefined;
};

export type VideoTrack = {
  /** As SDP names it, in capitals: `H264`. */
  encoding: string;
  /** Of H.264, if the SDP has it. */
  sps: Sps | undefined;
};

export type AudioTrack = { encoding: string };

/** What ffmpeg does with each track; undefined where there is none. */
export type Plan = {
  video: 'copy' | 'encode' | undefined;
  audio: 'copy' | 'encode' | undefined;
};

export type PlanRules = {
  transcode: 'never' | 'auto';
  /** H.264 is among the codecs that the server carries. */
  carriesH264: boolean;
  /** B-frames were seen in what the camera sent before. */
  bFramesSeen: boolean;
};

/** Payload types that need no `rtpmap` (RFC 3551, section 6). */
const STATIC_ENCODINGS: Readonly<Record<number, string>> = {
  0: 'PCMU',
  3: 'GSM',
  8: 'PCMA',
  9: 'G722',
  10: 'L16',
  11: 'L16',
  14: 'MPA',
  26: 'JPEG',
  32: 'MPV',
  34: 'H263',
};

/** What ffmpeg takes out of RTP and decodes. */
const VIDEO_ENCODINGS = [
  'H265',
  'HEVC',
  'MP4V-ES',
  'JPEG',
  'MPV',
  'H263',
  'H263-1998',
  'H263-2000',
  'VP8',
  'VP9',
];
const AUDIO_ENCODINGS = [
  'MPEG4-GENERIC',
  'MP4A-LATM',
  'PCMU',
  'PCMA',
  'G722',
  'GSM',
  'MPA',
  'AC3',
  'L16',
  'L8',
  'G726-16',
  'G726-24',
  'G726-32',
  'G726-40',
  'SPEEX',
  'VORBIS',
];

/** Baseline, main and high: the others have more bits or colours than browsers decode. */
const PLAYABLE_PROFILES = [66, 77, 100];

/** @throws CameraFault if the SDP has neither video nor audio. */
export function readTracks(sdp: string): CameraTracks {
  const { media } = sdpTransform.parse(sdp);
  const find = (type: string): Encoding | undefined => {
    const found = media.find((section) => section.type === type);
    return found && encodingOf(found);
  };
  const video = find('video');
  const audio = find('audio');
  if (!video && !audio) {
    throw new CameraFault('source_unsupported', 'the camera sends neither video nor audio');
  }
  return {
    video: video && {
      encoding: video.name,
      sps: video.name === 'H264' ? spsOf(video.parameters) : undefined,
    },
    audio: audio && { encoding: audio.name },
  };
}

type Encoding = { name: string; parameters: string };
type Section = MediaDescription & { type: string };

function encodingOf({ payloads = '', rtp, fmtp }: Section): Encoding {
  const payload = Number(String(payloads).split(' ')[0]);
  const name = rtp.find((map) => map.payload === payload)?.codec ?? STATIC_ENCODINGS[payload] ?? 'unknown';
  const parameters = fmtp.find((entry) => entry.payload === payload)?.config ?? '';
  return { name: name.toUpperCase(), parameters };
}

const NAL_SPS = 7;

/** RFC 6184, section 8.1. */
function spsOf(parameters: string): Sps | undefined {
  const sets = /sprop-parameter-sets=([A-Za-z0-9+/=,]+)/.exec(parameters)?.[1] ?? '';
  const units = sets.split(',').map((set) => Buffer.from(set, 'base64'));
  const sps = units.find((unit) => ((unit[0] ?? 0) & 0x1f) === NAL_SPS);
  return sps && readSps(sps);
}

/** @throws CameraFault `source_unsupported`, `b_frames` for video that is neither playable nor to be encoded anew. */
export function planTracks({ video, audio }: CameraTracks, rules: PlanRules): Plan {
  const plan = { video: video && planVideo(video, rules), audio: audio && planAudio(audio) };
  if (plan.video || plan.audio) return plan;
  throw unsupported(`the camera sends sound as ${spoken(audio?.encoding ?? '')}, which is not known here`);
}

function planVideo({ encoding, sps }: VideoTrack, rules: PlanRules): 'copy' | 'encode' {
  const { transcode, carriesH264, bFramesSeen } = rules;
  if (!carriesH264) {
    throw unsupported('cameras need H.264, which is not among media.videoCodecs of this server');
  }
  if (encoding !== 'H264' && !VIDEO_ENCODINGS.includes(encoding)) {
    throw unsupported(`the camera sends ${spoken(encoding)}, which is not known here; set it to H.264`);
  }
  if (encoding !== 'H264') {
    return encode(
      transcode,
      `the camera sends ${spoken(encoding)}, which browsers do not play: set it to H.264`,
    );
  }
  if (sps && !PLAYABLE_PROFILES.includes(sps.profile)) {
    return encode(
      transcode,
      'the camera sends H.264 in a profile that browsers do not play: set it to high or main',
    );
  }
  if (bFramesSeen && sps?.reordered !== 'no') {
    if (transcode === 'auto') return 'encode';
    throw bFramesFault();
  }
  // They may come: where encoding is allowed, rather at once than after they did.
  return transcode === 'auto' && sps?.reordered === 'yes' ? 'encode' : 'copy';
}

function planAudio({ encoding }: AudioTrack): 'copy' | 'encode' | undefined {
  if (encoding === 'OPUS') return 'copy';
  return AUDIO_ENCODINGS.includes(encoding) ? 'encode' : undefined;
}

function encode(transcode: 'never' | 'auto', message: string): 'encode' {
  if (transcode === 'auto') return 'encode';
  throw unsupported(`${message}, or the camera's "transcode" to "auto"`);
}

export function bFramesFault(): CameraFault {
  return new CameraFault(
    'b_frames',
    'the camera sends B-frames, which make pictures jump in browsers: set B-frames to 0 in it (or its profile to baseline), or the camera\'s "transcode" to "auto"',
  );
}

function unsupported(message: string): CameraFault {
  return new CameraFault('source_unsupported', message);
}

const SPOKEN: Readonly<Record<string, string>> = {
  H265: 'H.265',
  HEVC: 'H.265',
  'MP4V-ES': 'MPEG-4',
  JPEG: 'Motion JPEG',
  MPV: 'MPEG-2',
  H263: 'H.263',
  'H263-1998': 'H.263',
  'H263-2000': 'H.263',
};

/** The camera's own word is cut down to what a name may be. */
function spoken(encoding: string): string {
  return SPOKEN[encoding] ?? (encoding.replace(/[^A-Z0-9.-]/g, '').slice(0, 20) || 'something');
}
