/**
 * A publisher by plain RTP whose every packet is under control: a flash and a beep
 * at each full second of media time, packetized here, sent on time, with reports.
 */
import { execFile } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { types } from 'mediasoup';
import { senderReport } from '../../tools/lib/rtcp.ts';
import { findFfmpeg } from '../../workers/ffmpeg/binary.ts';
import { madeOnce } from './made-once.ts';

export const FPS = 30;
const OPUS_MS = 20;
/** Of the media that goes round and round. */
const SECONDS = 4;
const PAYLOAD = 1100;

export type VideoCodec = 'H264' | 'VP8';
export type AudioCodec = 'opus' | 'PCMU' | 'PCMA';
type Unit = { at: number; payloads: Buffer[]; key: boolean };
type VideoOptions = { codec: VideoCodec; size?: string; bitrate?: string; more?: string[] };

/** A flash and a beep of a tenth of a second each second. */
const FLASH = "drawbox=color=white:t=fill:enable='lt(mod(t+0.0001,1),0.1)'";
const BEEP = "aevalsrc='if(lt(mod(t,1),0.1),0.8*sin(2*PI*1000*t),0.05*sin(2*PI*200*t))':s=48000";

const ENCODER: Record<VideoCodec, string[]> = {
  H264: '-c:v libx264 -preset veryfast -profile:v baseline -sc_threshold 0 -f h264'.split(' '),
  VP8: '-c:v libvpx -deadline realtime -cpu-used 8 -auto-alt-ref 0 -f ivf'.split(' '),
};

async function encoded(name: string, args: string[]): Promise<Buffer> {
  const file = await madeOnce(`recorder-${name}`, (path) =>
    promisify(execFile)(findFfmpeg(), ['-hide_banner', '-loglevel', 'error', '-y', ...args, path]),
  );
  return readFileSync(file);
}

async function videoUnits({
  codec,
  size = '640x360',
  bitrate = '600k',
  more = [],
}: VideoOptions): Promise<Unit[]> {
  // Noise, so that it is as large as it is said to be.
  const source = `testsrc2=size=${size}:rate=${FPS},noise=alls=8:allf=t,${FLASH},format=yuv420p`;
  const rate = [
    '-b:v',
    bitrate,
    '-maxrate',
    bitrate,
    '-bufsize',
    bitrate,
    '-g',
    String(FPS),
    '-bf',
    '0',
    ...more,
  ];
  const data = await encoded(`${codec}-${size}-${bitrate}-${more.join('')}`, [
    ...['-f', 'lavfi', '-i', source, '-t', String(SECONDS), ...rate, ...ENCODER[codec]],
  ]);
  return codec === 'H264' ? h264Units(data) : vp8Units(data);
}

/** RFC 6184: parameter sets and slices, those that are too large in fragments. */
function h264Units(data: Buffer): Unit[] {
  const units: Unit[] = [];
  let pending: Buffer[] = [];
  for (const nal of annexB(data)) {
    const type = (nal[0] ?? 0) & 0x1f;
    pending.push(...fragments(nal));
    if (type !== 1 && type !== 5) continue;
    units.push({ at: (units.length * 1000) / FPS, payloads: pending, key: type === 5 });
    pending = [];
  }
  return units;
}

function annexB(data: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  let start = -1;
  for (let at = 0; at + 3 <= data.length; at++) {
    if (data[at] !== 0 || data[at + 1] !== 0 || data[at + 2] !== 1) continue;
    if (start >= 0) nals.push(data.subarray(start, data[at - 1] === 0 ? at - 1 : at));
    start = at + 3;
  }
  nals.push(data.subarray(start));
  return nals;
}

function fragments(nal: Buffer): Buffer[] {
  if (nal.length <= PAYLOAD) return [nal];
  const [header = 0] = nal;
  const pieces: Buffer[] = [];
  for (let at = 1; at < nal.length; at += PAYLOAD) {
    const flags = (at === 1 ? 0x80 : 0) | (at + PAYLOAD >= nal.length ? 0x40 : 0);
    const head = Buffer.from([(header & 0xe0) | 28, flags | (header & 0x1f)]);
    pieces.push(Buffer.concat([head, nal.subarray(at, at + PAYLOAD)]));
  }
  return pieces;
}

/** RFC 7741: a descriptor of one byte. */
function vp8Units(ivf: Buffer): Unit[] {
  const units: Unit[] = [];
  for (let at = 32; at < ivf.length; ) {
    const frame = ivf.subarray(at + 12, at + 12 + ivf.readUInt32LE(at));
    const payloads: Buffer[] = [];
    for (let from = 0; from < frame.length; from += PAYLOAD) {
      payloads.push(
        Buffer.concat([Buffer.from([from === 0 ? 0x10 : 0]), frame.subarray(from, from + PAYLOAD)]),
      );
    }
    units.push({ at: (units.length * 1000) / FPS, payloads, key: ((frame[0] ?? 0) & 1) === 0 });
    at += 12 + frame.length;
  }
  return units;
}

async function audioUnits(): Promise<Unit[]> {
  const args = [
    '-f',
    'lavfi',
    '-i',
    BEEP,
    '-t',
    String(SECONDS),
    '-ac',
    '2',
    '-c:a',
    'libopus',
    '-b:a',
    '64k',
  ];
  const data = await encoded('opus', [...args, '-frame_duration', String(OPUS_MS), '-f', 'ogg']);
  const packets = oggPackets(data).slice(2, 2 + (SECONDS * 1000) / OPUS_MS);
  return packets.map((packet, index) => ({ at: index * OPUS_MS, payloads: [packet], key: true }));
}

/** G.711: an octet a sample. */
async function g711Units(codec: 'PCMU' | 'PCMA'): Promise<Unit[]> {
  const format = { PCMU: 'mulaw', PCMA: 'alaw' }[codec];
  const args = ['-f', 'lavfi', '-i', BEEP, '-t', String(SECONDS), '-ac', '1', '-ar', '8000', '-f', format];
  const data = await encoded(codec, args);
  const size = OPUS_MS * 8;
  return Array.from({ length: (SECONDS * 1000) / OPUS_MS }, (_, index) => ({
    ...{ at: index * OPUS_MS, key: true },
    payloads: [data.subarray(index * size, (index + 1) * size)],
  }));
}

function oggPackets(data: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let open: Buffer[] = [];
  for (let page = 0; page < data.length; ) {
    const segments = data[page + 26] ?? 0;
    let at = page + 27 + segments;
    for (let segment = 0; segment < segments; segment++) {
      const length = data[page + 27 + segment] ?? 0;
      open.push(data.subarray(at, at + length));
      at += length;
      if (length === 255) continue;
      packets.push(Buffer.concat(open));
      open = [];
    }
    page = at;
  }
  return packets;
}

// --- Sending ------------------------------------------------------------------------

type Track = {
  kind: 'audio' | 'video';
  units: Unit[];
  upcoming?: Unit[] | undefined;
  rate: number;
  payloadType: number;
  ssrc: number;
  sequence: number;
  base: number;
  /** The next unit, counted on and on. */
  next: number;
  packets: number;
  octets: number;
  sentFrames: number;
  producer: types.Producer;
  socket: Socket;
  muted: boolean;
  reportedAt: number;
};

export type PublisherOptions = {
  router: types.Router;
  /** Several are the layers of a simulcast, the best one last. */
  video?: VideoOptions | VideoOptions[];
  /** Opus, unless it says otherwise. */
  audio?: boolean | AudioCodec;
  /** How much later than its time each track's packets are sent: what reports make good. */
  delay?: { audio?: number; video?: number };
  /** Milliseconds between sender reports; 0 for none. */
  reportEvery?: number;
  /** What becomes of a packet; undefined: it is lost. */
  tamper?: (kind: 'audio' | 'video', packet: Buffer, count: number) => Buffer[];
};

const CODEC_PARAMETERS: Record<VideoCodec, types.RtpCodecParameters> = {
  VP8: { mimeType: 'video/VP8', clockRate: 90_000, payloadType: 101 },
  H264: {
    mimeType: 'video/H264',
    clockRate: 90_000,
    payloadType: 102,
    parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f' },
  },
};
const SOUND_PARAMETERS: Record<AudioCodec, types.RtpCodecParameters> = {
  opus: { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, payloadType: 100 },
  PCMU: { mimeType: 'audio/PCMU', clockRate: 8000, payloadType: 0 },
  PCMA: { mimeType: 'audio/PCMA', clockRate: 8000, payloadType: 8 },
};

export const ROUTER_OPTIONS: types.RouterOptions = {
  mediaCodecs: [
    { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2 },
    { kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, preferredPayloadType: 0 },
    { kind: 'audio', mimeType: 'audio/PCMA', clockRate: 8000, preferredPayloadType: 8 },
    { kind: 'video', mimeType: 'video/VP8', clockRate: 90_000 },
    {
      ...{ kind: 'video', mimeType: 'video/H264', clockRate: 90_000 },
      parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
    },
  ],
};

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #tracks: Track[] = [];
  readonly #closers: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #leap = 0;
  #count = 0;

  private constructor(options: PublisherOptions) {
    this.#options = options;
  }

  static async create(options: PublisherOptions): Promise<Publisher> {
    const publisher = new Publisher(options);
    const { audio = true } = options;
    if (audio !== false) {
      const codec = audio === true ? 'opus' : audio;
      const units = await (codec === 'opus' ? audioUnits() : g711Units(codec));
      await publisher.#add('audio', [units], SOUND_PARAMETERS[codec]);
    }
    if (options.video) {
      const layers = [options.video].flat();
      const codec = CODEC_PARAMETERS[layers[0]?.codec ?? 'VP8'];
      await publisher.#add('video', await Promise.all(layers.map(videoUnits)), codec);
    }
    return publisher;
  }

  get producers(): types.Producer[] {
    return [...new Set(this.#tracks.map(({ producer }) => producer))];
  }

  frames(kind: 'audio' | 'video'): number {
    return this.#track(kind).sentFrames;
  }

  start(): void {
    this.#startedAt = performance.now();
    this.#timer = setInterval(() => this.#tick(performance.now()), 4);
  }

  /** As a WebRTC publisher would: nothing is sent, and the server is told. */
  async mute(kind: 'audio' | 'video', muted: boolean): Promise<void> {
    const track = this.#track(kind);
    track.muted = muted;
    await (muted ? track.producer.pause() : track.producer.resume());
  }

  /** The best layer of a simulcast stops, or goes on. */
  stopBestLayer(stopped: boolean): void {
    const best = this.#tracks.findLast(({ kind }) => kind === 'video');
    if (best) best.muted = stopped;
  }

  /** Its RTP timestamps, all of them, go ahead by that. */
  leap(ms: number): void {
    this.#leap += ms;
  }

  /** From its next key frame on. */
  async changeVideo(video: VideoOptions): Promise<void> {
    this.#track('video').upcoming = await videoUnits(video);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const close of this.#closers.splice(0)) close();
  }

  #track(kind: 'audio' | 'video'): Track {
    const track = this.#tracks.find((each) => each.kind === kind);
    if (!track) throw new Error(`no ${kind}`);
    return track;
  }

  async #add(kind: 'audio' | 'video', layers: Unit[][], codec: types.RtpCodecParameters): Promise<void> {
    const transport = await this.#options.router.createPlainTransport({
      listenInfo: { protocol: 'udp', ip: '127.0.0.1', recvBufferSize: 1 << 20 },
      rtcpMux: true,
      comedia: true,
    });
    const encodings = layers.map(() => ({ ssrc: Math.floor(Math.random() * 2 ** 32) }));
    const producer = await transport.produce({
      kind,
      rtpParameters: { codecs: [codec], encodings, rtcp: { cname: 'publisher' } },
      keyFrameRequestDelay: 500,
    });
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.connect(transport.tuple.localPort, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    this.#closers.push(() => {
      transport.close();
      socket.close();
    });
    for (const [index, { ssrc }] of encodings.entries()) {
      this.#tracks.push({
        ...{ kind, units: layers[index] ?? [], producer, socket, ssrc, muted: false, reportedAt: 0 },
        ...{ rate: codec.clockRate, payloadType: codec.payloadType },
        // Close to where they wrap.
        ...{ sequence: 65_400, base: 2 ** 32 - codec.clockRate * 3 },
        ...{ next: 0, packets: 0, octets: 0, sentFrames: 0 },
      });
    }
  }

  #tick(now: number): void {
    const media = now - this.#startedAt;
    for (const track of this.#tracks) {
      const delay = this.#options.delay?.[track.kind] ?? 0;
      for (;;) {
        const at = this.#timeOf(track);
        if (at + delay > media) break;
        const unit = track.units[track.next % track.units.length];
        if (unit?.key && track.upcoming) {
          track.units = track.upcoming;
          track.upcoming = undefined;
          continue;
        }
        if (unit && !track.muted) this.#send(track, unit, at);
        track.next += 1;
      }
      this.#report(track, media);
    }
  }

  #timeOf({ next, units }: Track): number {
    const unit = units[next % units.length];
    return Math.floor(next / units.length) * SECONDS * 1000 + (unit?.at ?? 0);
  }

  #timestamp({ base, rate }: Track, media: number): number {
    return Math.round(base + ((media + this.#leap) * rate) / 1000) >>> 0;
  }

  #send(track: Track, { payloads }: Unit, at: number): void {
    track.sentFrames += 1;
    for (const [index, payload] of payloads.entries()) {
      const header = Buffer.alloc(12);
      header[0] = 0x80;
      header[1] = track.payloadType | (index === payloads.length - 1 ? 0x80 : 0);
      header.writeUInt16BE(track.sequence, 2);
      header.writeUInt32BE(this.#timestamp(track, at), 4);
      header.writeUInt32BE(track.ssrc, 8);
      track.sequence = (track.sequence + 1) & 0xffff;
      track.packets += 1;
      track.octets += payload.length;
      const packet = Buffer.concat([header, payload]);
      this.#count += 1;
      const sent = this.#options.tamper?.(track.kind, packet, this.#count) ?? [packet];
      for (const each of sent) track.socket.send(each);
    }
  }

  /** Of media time, whatever the delay. */
  #report(track: Track, media: number): void {
    const every = this.#options.reportEvery ?? 500;
    if (every === 0 || track.packets === 0 || track.muted || media - track.reportedAt < every) return;
    track.reportedAt = media;
    const { ssrc, packets, octets } = track;
    const wall = Date.now();
    track.socket.send(
      senderReport({ ssrc, cname: 'publisher', packets, octets }, wall, this.#timestamp(track, media)),
    );
  }
}
