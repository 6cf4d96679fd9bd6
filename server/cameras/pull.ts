import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { CameraSettings, Config } from '../../config/schema.ts';
import { type FfmpegExit, FfmpegProcess } from '../../workers/ffmpeg/process.ts';
import { type RtpOutput, type RtspSource, rtspToRtp } from '../../workers/ffmpeg/rtsp-to-rtp.ts';
import type { CameraUrl } from '../base/camera-url.ts';
import type { Logger } from '../base/logger.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { MediaKind, RtpParameters } from '../protocol/messages.ts';
import type { Publisher } from '../streams/publisher.ts';
import type { Reservation } from '../streams/registry.ts';
import type { AddressRule } from './address.ts';
import { examine } from './examine.ts';
import { CameraFault } from './fault.ts';
import { exitFault, isUndescribed, TimeJumps } from './ffmpeg-words.ts';
import { RtspRelay } from './relay.ts';
import { bFramesFault, type Plan } from './tracks.ts';

export type PullOptions = {
  camera: CameraSettings;
  url: CameraUrl;
  allowed: AddressRule;
  reservation: Reservation;
  config: Config;
  logger: Logger;
  /** What earlier pulls found out about the camera; later ones start with it. */
  learnt: Learnt;
  signal: AbortSignal;
};

export type Learnt = { readonly bFrames: boolean; readonly needsThoroughProbing: boolean };

export type PullEvents = {
  /** Media flows. */
  live: [];
  /** Something that the next pull is to know. */
  learnt: [Partial<Learnt>];
  /** It is over. Without a fault, the next one will do better by what this one learnt. */
  ended: [CameraFault | undefined];
};

/** How long a camera may be silent. */
const SILENCE_MS = 5000;
/** When ffmpeg itself gives up. Later than that: in giving up it hands on a last frame, which would look like life. */
const FFMPEG_TIMEOUT_MS = 2 * SILENCE_MS;
/** From ffmpeg's start to the first packet: some cameras wait for their next key frame. */
const FIRST_PACKET_MS = 15_000;
const CHECK_MS = 1000;
const FIRST_CHECK_MS = 200;
const STOP_DEADLINE_MS = 1000;

const PAYLOAD_TYPES = { video: 96, audio: 97 };

/** One connection to a camera, from its address to its RTP in a publisher, until either ends. */
export class CameraPull extends EventEmitter<PullEvents> {
  readonly plan: Plan;
  readonly #options: PullOptions;
  readonly #publisher: Publisher;
  readonly #jumps = new TimeJumps();
  readonly #address: string;
  #relay: RtspRelay | undefined;
  #ffmpeg: FfmpegProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #packets = 0;
  #packetsAt = 0;
  #live = false;
  #closed = false;

  private constructor(options: PullOptions, address: string, plan: Plan, publisher: Publisher) {
    super();
    this.plan = plan;
    this.#options = options;
    this.#address = address;
    this.#publisher = publisher;
  }

  /** @throws CameraFault, PharosError of the registry, AbortError by the signal. */
  static async create(options: PullOptions): Promise<CameraPull> {
    const { reservation, signal } = options;
    const { media } = options.config;
    const { address, plan } = await examine({ ...options, media, bFrames: options.learnt.bFrames });
    signal.throwIfAborted();
    const publisher = await reservation.publish({ tracks: tracksOf(plan), grant: 'camera', kind: 'rtp' });
    const pull = new CameraPull(options, address, plan, publisher);
    try {
      await pull.#start();
      signal.throwIfAborted();
      return pull;
    } catch (error) {
      await pull.close('media_lost');
      throw error;
    }
  }

  /** Resolves when ffmpeg is gone. */
  async close(reason: EndReason): Promise<void> {
    const first = !this.#closed;
    this.#closed = true;
    clearTimeout(this.#timer);
    // The publisher first: packets from ffmpeg's last moments are of no use to anybody.
    if (first) this.#publisher.close(reason);
    await this.#ffmpeg?.stop(STOP_DEADLINE_MS);
    this.#relay?.close();
  }

  async #start(): Promise<void> {
    this.#publisher.on('ended', (reason) => this.#publisherOnEnded(reason));
    this.#publisher.on('notice', ({ code }) => {
      if (code === 'b_frames' && this.plan.video === 'copy') this.#publisherOnBFrames();
    });
    const outputs = await Promise.all(tracksOf(this.plan).map((kind) => this.#output(kind)));
    const brief = !this.#options.learnt.needsThoroughProbing && this.plan.video !== 'encode';
    await this.#startFfmpeg(outputs, brief ? 'brief' : 'thorough');
    this.#check(FIRST_CHECK_MS);
  }

  async #startFfmpeg(outputs: readonly RtpOutput[], probing: RtspSource['probing']): Promise<void> {
    const { camera, url, signal } = this.#options;
    const relay = await RtspRelay.create({ url, address: this.#address });
    this.#relay?.close();
    this.#relay = relay;
    if (this.#closed || signal.aborted) {
      relay.close();
      signal.throwIfAborted();
      throw new CameraFault('source_unreachable', 'the media worker went while the camera was set up');
    }
    const source = { url: relay.url, transport: camera.transport, timeoutMs: FFMPEG_TIMEOUT_MS, probing };
    const ffmpeg = FfmpegProcess.start({
      args: rtspToRtp(source, outputs, Date.now()),
      secrets: [url.password, url.username],
    });
    this.#ffmpeg = ffmpeg;
    this.#packetsAt = performance.now();
    ffmpeg.on('line', (line) => this.#ffmpegOnLine(line));
    ffmpeg.on('exit', (exit) => this.#ffmpegOnExit(exit, ffmpeg.lines, outputs, probing));
  }

  async #output(kind: MediaKind): Promise<RtpOutput> {
    const { media } = this.#options.config;
    const ssrc = randomInt(1, 2 ** 31);
    const port = await this.#publisher.receiveRtp(kind, rtpParameters(kind, ssrc));
    return {
      ...port,
      kind,
      ssrc,
      treatment: this.plan[kind] ?? 'copy',
      payloadType: PAYLOAD_TYPES[kind],
      bitrate: kind === 'video' ? media.videoMaxBitrate : media.audioBitrate,
    };
  }

  #ffmpegOnLine(line: string): void {
    this.#options.logger.debug({ streamId: this.#options.camera.stream, line }, 'ffmpeg says');
    if (!this.#jumps.count(line, performance.now())) return;
    this.#end(new CameraFault('source_unreachable', "the camera's clock jumped"));
  }

  #ffmpegOnExit(
    exit: FfmpegExit,
    lines: readonly string[],
    outputs: readonly RtpOutput[],
    probing: RtspSource['probing'],
  ): void {
    if (this.#closed) return;
    // It ended before it had sent anything: the ports are as new.
    if (probing === 'brief' && !this.#live && isUndescribed(lines)) {
      this.emit('learnt', { needsThoroughProbing: true });
      this.#startFfmpeg(outputs, 'thorough').catch((error: unknown) => this.#end(restartFault(error)));
      return;
    }
    this.#options.logger.warn(
      { streamId: this.#options.camera.stream, code: exit.code, signal: exit.signal, lines: lines.slice(-8) },
      'camera: ffmpeg ended',
    );
    this.#end(exitFault(exit, lines, this.#relay?.fault));
  }

  #publisherOnEnded(reason: EndReason): void {
    const cause = reason === 'worker_failed' ? 'the media worker failed' : 'the stream was ended';
    this.#end(new CameraFault('source_unreachable', `${cause}; it begins again`));
  }

  #publisherOnBFrames(): void {
    if (this.#options.camera.transcode === 'never') {
      this.#end(bFramesFault());
    } else {
      this.emit('learnt', { bFrames: true });
      this.#end(undefined);
    }
  }

  #check(afterMs: number): void {
    this.#timer = setTimeout(() => {
      this.#countPackets().catch(() => undefined);
    }, afterMs);
  }

  /** Of video, if there is any: a camera whose sound goes on while the picture stands is frozen as well. */
  async #countPackets(): Promise<void> {
    const kind = this.plan.video ? 'video' : 'audio';
    const producer = this.#publisher.producers.find((candidate) => candidate.kind === kind);
    const stats = (await producer?.getStats().catch(() => [])) ?? [];
    if (this.#closed) return;
    const packets = stats.reduce((sum, { packetCount }) => sum + packetCount, 0);
    const now = performance.now();
    if (packets > this.#packets) {
      this.#packets = packets;
      this.#packetsAt = now;
      if (!this.#live) {
        this.#live = true;
        this.emit('live');
      }
    } else if (now - this.#packetsAt > (this.#live ? SILENCE_MS : FIRST_PACKET_MS)) {
      this.#end(silentFault(this.#live));
      return;
    }
    this.#check(this.#live ? CHECK_MS : FIRST_CHECK_MS);
  }

  #end(fault: CameraFault | undefined): void {
    if (this.#closed) return;
    void this.close('media_lost');
    this.emit('ended', fault);
  }
}

function tracksOf(plan: Plan): MediaKind[] {
  return (['video', 'audio'] as const).filter((kind) => plan[kind] !== undefined);
}

/**
 * Declared as constrained baseline, whatever it is, since decoders go by the
 * parameter sets: a browser that offers only that profile plays high as well.
 */
function rtpParameters(kind: MediaKind, ssrc: number): RtpParameters {
  const payloadType = PAYLOAD_TYPES[kind];
  const codec =
    kind === 'audio'
      ? { mimeType: 'audio/opus', payloadType, clockRate: 48_000, channels: 2 }
      : {
          mimeType: 'video/H264',
          payloadType,
          clockRate: 90_000,
          parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
        };
  return { codecs: [codec], encodings: [{ ssrc }] };
}

function restartFault(error: unknown): CameraFault {
  if (error instanceof CameraFault) return error;
  return new CameraFault('source_unreachable', 'the camera could not be pulled anew', { cause: error });
}

function silentFault(live: boolean): CameraFault {
  return new CameraFault(
    'source_unreachable',
    live
      ? `the camera has sent nothing for ${SILENCE_MS / 1000} s`
      : 'the camera takes the connection, but sends nothing',
  );
}
