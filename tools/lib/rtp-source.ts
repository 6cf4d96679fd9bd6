/** A media file as RTP packets in this process, in real time: ffmpeg writes them to loopback sockets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type FileInfo, findFfmpeg, lastWords, probe } from './ffmpeg.ts';
import { GapCounter, isRtp, type MediaKind, type RtpTrack, sequenceOf, ssrcOf, timestampOf } from './rtp.ts';

/** A whole packet: with SRTP's tag, UDP and IPv6 it is still below what tunnels leave of 1,500 bytes. */
const PACKET_SIZE = 1200;
/** A key frame comes all at once, faster than JavaScript reads. Linux may give less (net.core.rmem_max). */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
const KILL_AFTER = 2_000;

export type RtpSourceOptions = {
  file: string;
  loop?: boolean;
  /** Send video, and Opus, as they are in the file. */
  copy?: boolean;
  /** For tests: instead of what puts parameter sets before each key frame of copied H.264. */
  copyFilter?: string;
  onPacket: (kind: MediaKind, packet: Buffer) => void;
  /** The file is at its end, or ffmpeg has failed. Not after close(). */
  onEnd?: (error?: Error) => void;
};

type Input = { track: RtpTrack; socket: Socket; gaps: GapCounter; output: string[] };

export class RtpSource {
  readonly info: FileInfo;
  /** What the packets say they are: offer it so. */
  readonly tracks: readonly RtpTrack[];
  /** Pictures that come out of order, which browsers do not put in order. */
  reordered = false;
  bytes = 0;
  readonly #inputs: readonly Input[];
  #ffmpeg: ChildProcess | undefined;
  #newest: number | undefined;
  #closed = false;

  private constructor(info: FileInfo, inputs: readonly Input[]) {
    this.info = info;
    this.#inputs = inputs;
    this.tracks = inputs.map(({ track }) => track);
  }

  /** Resolves when the file is known; packets come after start(). @throws Error that says what is wrong with the file. */
  static async open(options: RtpSourceOptions): Promise<RtpSource> {
    const info = await probe(options.file);
    const plans = plan(info, options);
    const inputs: Input[] = [];
    for (const { kind, codec, output } of plans) {
      const track = { kind, codec, payloadType: kind === 'audio' ? 111 : 96, ssrc: randomInt(1, 2 ** 32) };
      inputs.push({ track, socket: await bind(), gaps: new GapCounter(), output });
    }
    return new RtpSource(info, inputs);
  }

  /** Packets that were lost on the way from ffmpeg, as this process was too slow to take them. */
  get lost(): number {
    return this.#inputs.reduce((sum, { gaps }) => sum + gaps.lost, 0);
  }

  start(options: RtpSourceOptions): void {
    const { onPacket, onEnd } = options;
    for (const input of this.#inputs) {
      input.socket.on('message', (packet) => this.#socketOnMessage(input, packet, onPacket));
    }
    const input = inputOf(options);
    const child = spawn(findFfmpeg(), this.#arguments(input.args), { stdio: ['pipe', 'ignore', 'pipe'] });
    this.#ffmpeg = child;
    child.stdin.on('error', () => undefined).end(input.list);
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors = (errors + chunk).slice(-4000);
    });
    child.once('error', (error) => this.#ended(onEnd, error));
    child.once('close', (code) =>
      this.#ended(onEnd, code === 0 ? undefined : new Error(`ffmpeg: ${lastWords(errors)}`)),
    );
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const { socket } of this.#inputs) socket.close();
    const child = this.#ffmpeg;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER);
    await exited;
    clearTimeout(timer);
  }

  #arguments(input: string[]): string[] {
    const outputs = this.#inputs.flatMap(({ track, socket, output }) => [
      ...output,
      ...['-f', 'rtp', '-payload_type', String(track.payloadType), '-ssrc', String(track.ssrc | 0)],
      rtpUrl(socket.address().port),
    ]);
    return ['-hide_banner', '-nostdin', '-loglevel', 'error', '-re', ...input, ...outputs];
  }

  #socketOnMessage({ track, gaps }: Input, packet: Buffer, onPacket: RtpSourceOptions['onPacket']): void {
    // Anybody on this machine can send here.
    if (!isRtp(packet) || ssrcOf(packet) !== track.ssrc) return;
    gaps.add(sequenceOf(packet));
    this.bytes += packet.length;
    if (track.kind === 'video') this.#watchOrder(timestampOf(packet));
    onPacket(track.kind, packet);
  }

  #watchOrder(timestamp: number): void {
    const step = this.#newest === undefined ? 0 : (timestamp - this.#newest) | 0;
    if (step < 0) this.reordered = true;
    if (this.#newest === undefined || step > 0) this.#newest = timestamp;
  }

  #ended(onEnd: RtpSourceOptions['onEnd'], error?: Error): void {
    if (this.#closed) return;
    // What ffmpeg wrote last is in the sockets still.
    setImmediate(() => void this.close().then(() => onEnd?.(error)));
  }
}

/** Frames in several threads would come out some frames late, behind the sound. */
const DECODING = ['-thread_type', 'slice'];

/**
 * A bitstream filter of an output ends with the first round of a loop (ffmpeg 5.1 at least: "A
 * non-NULL packet sent after an EOF"). Files in a list, given on standard input, have the one that
 * is needed inside; with another one the list is long instead of looped.
 */
function inputOf({ file, loop = false, copy = false, copyFilter }: RtpSourceOptions) {
  const looped = loop && !(copy && copyFilter) ? ['-stream_loop', '-1'] : [];
  if (!loop || !copy) return { args: [...looped, ...DECODING, '-i', file], list: '' };
  const entry = `file 'file:${file.replaceAll("'", "'\\''")}'\n`;
  return {
    args: [...looped, '-f', 'concat', '-safe', '0', '-protocol_whitelist', 'file,pipe', '-i', 'pipe:0'],
    list: entry.repeat(copyFilter ? 1000 : 1),
  };
}

type Plan = { kind: MediaKind; codec: RtpTrack['codec']; output: string[] };

function plan(info: FileInfo, { copy = false, loop = false, copyFilter }: RtpSourceOptions): Plan[] {
  const filter = copyFilter ?? (loop ? undefined : IN_BAND);
  const plans: Plan[] = [];
  if (info.video) plans.push(copy ? copied(info.video.codec, filter) : encoded(info.video));
  if (info.audio) {
    const asIs = copy && info.audio.codec === 'opus';
    plans.push({
      kind: 'audio',
      codec: 'opus',
      output: ['-map', '0:a:0', ...(asIs ? ['-c:a', 'copy'] : OPUS)],
    });
  }
  return plans;
}

const OPUS = ['-c:a', 'libopus', '-b:a', '128k', '-ac', '2', '-ar', '48000', '-frame_duration', '20'];

/** From a file of MP4 or Matroska, parameter sets are apart from the stream; who joins needs them in it. */
const IN_BAND = 'h264_mp4toannexb,dump_extra=freq=keyframe';

function copied(codec: string, filter: string | undefined): Plan {
  const output = ['-map', '0:V:0', '-c:v', 'copy'];
  if (codec === 'vp8') return { kind: 'video', codec: 'VP8', output };
  if (codec !== 'h264') {
    throw new Error(
      `the video is ${codec}, which browsers do not take as it is; leave --copy out to encode it as H.264`,
    );
  }
  return { kind: 'video', codec: 'H264', output: [...output, ...(filter ? ['-bsf:v', filter] : [])] };
}

/** What every browser decodes, in hardware too: constrained baseline, no frame that waits for a later one. */
function encoded({ width = 0, height = 0 }: { width?: number; height?: number }): Plan {
  const bitrate = width * height > 1280 * 720 ? 4500 : 2500;
  const output = [
    ...['-map', '0:V:0', '-vf', "scale=w='min(1920,trunc(iw/2)*2)':h=-2,format=yuv420p"],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-tune',
      'zerolatency',
      '-profile:v',
      'baseline',
      '-bf',
      '0',
    ],
    // A key frame each second of the stream, whatever its frame rate, and no others.
    ...['-force_key_frames', 'expr:gte(t,n_forced)', '-g', '1000', '-sc_threshold', '0'],
    ...['-b:v', `${bitrate}k`, '-maxrate', `${bitrate}k`, '-bufsize', `${bitrate / 2}k`],
  ];
  return { kind: 'video', codec: 'H264', output };
}

/** RTCP comes to the same port, where it is dropped. Connected, ffmpeg notices when this process is gone, and ends. */
function rtpUrl(port: number): string {
  return `rtp://127.0.0.1:${port}?rtcpport=${port}&pkt_size=${PACKET_SIZE}&connect=1`;
}

async function bind(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}
