/** The ffmpeg command that pulls an RTSP camera and hands its tracks on as plain RTP. Pure. */
import type { MediaKind } from '../../server/protocol/messages.ts';

export type RtspSource = {
  /** Without anything secret: every user of the machine can see it. */
  url: string;
  transport: 'tcp' | 'udp';
  /** How long nothing may come before ffmpeg gives up. */
  timeoutMs: number;
  /**
   * How long ffmpeg looks into what comes before it hands anything on. 'brief':
   * until the first picture, which is enough of most cameras whose video is
   * copied; else it ends with an error at once. 'thorough': until all is known.
   */
  probing: 'brief' | 'thorough';
};

export type RtpOutput = {
  kind: MediaKind;
  treatment: 'copy' | 'encode';
  address: string;
  rtpPort: number;
  rtcpPort: number;
  ssrc: number;
  payloadType: number;
  /** The most, where it is encoded. */
  bitrate: number;
};

/** So that a packet and the headers of UDP, IP and whatever tunnel fit into any network's. */
const PACKET_SIZE = 1200;
const UDP_BUFFER_BYTES = 1 << 20;
/** A picture is more than this, and the sound before it less. */
const BRIEF = { analyzeduration: '1000000', probesize: '2500' };
const THOROUGH = { analyzeduration: '5000000' };
/**
 * About how long it takes to the first picture. The better the guess, the less
 * the clock jumps that viewers see when mediasoup believes the sender reports,
 * after the third of them.
 */
const START_MS = 250;

/** ffmpeg's arguments. @param now Wall-clock time in ms. */
export function rtspToRtp(source: RtspSource, outputs: readonly RtpOutput[], now: number): string[] {
  return [...inputArgs(source, outputs), ...outputs.flatMap((output) => outputArgs(output, now + START_MS))];
}

function inputArgs(
  { url, transport, timeoutMs, probing }: RtspSource,
  outputs: readonly RtpOutput[],
): string[] {
  const options = {
    protocol_whitelist: 'rtsp,rtp,udp,tcp',
    rtsp_transport: transport,
    timeout: String(timeoutMs * 1000),
    // Neither ONVIF metadata nor what can't be played is asked for.
    allowed_media_types: outputs.map(({ kind }) => kind).join('+'),
    ...(transport === 'udp' && { buffer_size: String(UDP_BUFFER_BYTES) }),
    fpsprobesize: '0',
    ...(probing === 'brief' ? BRIEF : THOROUGH),
  };
  return [...Object.entries(options).flatMap(([name, value]) => [`-${name}`, value]), '-i', url];
}

function outputArgs(output: RtpOutput, startsAt: number): string[] {
  const { kind, treatment, address, rtpPort, rtcpPort, ssrc, payloadType } = output;
  const codec = (kind === 'video' ? videoArgs : audioArgs)(treatment, output.bitrate);
  return [
    ...(kind === 'video' ? ['-map', '0:v:0'] : ['-map', '0:a:0']),
    ...codec,
    ...['-f', 'rtp', '-payload_type', String(payloadType), '-ssrc', String(ssrc)],
    // In microseconds, the same for all tracks: by it their sender reports relate them to one clock.
    ...['-start_time_realtime', String(Math.round(startsAt * 1000))],
    `rtp://${address}:${rtpPort}?rtcpport=${rtcpPort}&pkt_size=${PACKET_SIZE}`,
  ];
}

function videoArgs(treatment: RtpOutput['treatment'], bitrate: number): string[] {
  // mediasoup knows a key frame by its parameter sets, and a viewer who joins later needs them.
  if (treatment === 'copy') return ['-c:v', 'copy', '-bsf:v', 'dump_extra=freq=keyframe'];
  return [
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'baseline'],
    ...['-level:v', '4.2', '-pix_fmt', 'yuv420p', '-fps_mode', 'passthrough', '-vf', FIT],
    // A key frame a second by the clock: how many frames that is, cameras seldom say truly.
    ...['-force_key_frames', 'expr:gte(t,n_forced)', '-g', '250'],
    ...['-crf', '23', '-maxrate', String(bitrate), '-bufsize', String(bitrate)],
  ];
}

/** Full HD at most: encoding takes a core of the machine as it is. */
const FIT =
  "scale=w='min(1920,iw)':h='min(1080,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2";

function audioArgs(treatment: RtpOutput['treatment'], bitrate: number): string[] {
  if (treatment === 'copy') return ['-c:a', 'copy'];
  return [
    ...['-c:a', 'libopus', '-ar', '48000', '-ac', '2', '-b:a', String(bitrate)],
    ...['-application', 'lowdelay', '-frame_duration', '20'],
    // Where samples are missing, or the camera's clock is off, the sound keeps to its timestamps.
    ...['-af', 'aresample=async=1000'],
  ];
}
