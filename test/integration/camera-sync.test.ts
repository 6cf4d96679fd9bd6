/** Lip sync of cameras: when a flash and a tick of the same moment are to be shown, by RTP and sender reports. */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cameraSchema, configSchema } from '../../config/schema.ts';
import { parseCameraUrl } from '../../server/base/camera-url.ts';
import { createLogger } from '../../server/base/logger.ts';
import { anyAddress } from '../../server/cameras/address.ts';
import { CameraPull } from '../../server/cameras/pull.ts';
import type { MediaKind } from '../../server/protocol/messages.ts';
import { Registry } from '../../server/streams/registry.ts';
import { findFfmpeg } from '../../workers/ffmpeg/binary.ts';
import { WorkerPool } from '../../workers/media/pool.ts';
import { depacketize } from '../helpers/depacketize.ts';
import { RtspServer } from '../helpers/rtsp-server.ts';
import { freePorts } from '../helpers/server.ts';

/**
 * Of the time in which mediasoup goes by when packets come; after three sender
 * reports of each track, 10 to 15 s later, it goes by those. Until then, video that
 * is encoded anew may be 150 ms late.
 */
const CASES: [path: string, seconds: number, mostMs: number][] = [
  ['baseline+opus', 7, 100],
  ['high+pcmu', 7, 100],
  ['baseline+aac', 7, 100],
  ['h265+opus', 7, 200],
  ['h265+opus', 19, 100],
];
const CLOCK_RATE = { video: 90_000, audio: 48_000 };

let rtsp: RtspServer;
let pool: WorkerPool;
let registry: Registry;
const logger = createLogger({ level: 'warn', format: 'json' });
let config: ReturnType<typeof configSchema.parse>;

beforeAll(async () => {
  const media = { workers: 1, portBase: await freePorts(1), listenAddresses: ['127.0.0.1'] };
  config = configSchema.parse({ media });
  pool = await WorkerPool.create({ media: config.media, logger });
  registry = new Registry({ config, pool, logger });
  rtsp = await RtspServer.start([...new Set(CASES.map(([path]) => path))], { wave: 'ticks' });
});
afterAll(async () => {
  registry.close();
  await Promise.all([pool.close(), rtsp.stop()]);
});

type Track = { packets: Buffer[]; report: { ntp: number; timestamp: number } | undefined };

/** What a viewer gets in some seconds: packets, and the last sender report of each track. */
async function receive(path: string, seconds: number): Promise<Record<MediaKind, Track>> {
  const camera = cameraSchema.parse({
    stream: path.replace('+', '_'),
    url: rtsp.url(path),
    transcode: 'auto',
  });
  const url = parseCameraUrl(camera.url);
  if (!url) throw new Error('no address');
  const reservation = registry.reserve(camera.stream);
  const pull = await CameraPull.create({
    camera,
    url,
    allowed: anyAddress,
    reservation,
    config,
    logger,
    learnt: { bFrames: false, needsThoroughProbing: false },
    signal: new AbortController().signal,
  });
  const tracks: Record<MediaKind, Track> = {
    video: { packets: [], report: undefined },
    audio: { packets: [], report: undefined },
  };
  const close = await listen(camera.stream, tracks);
  await expect
    .poll(() => spanOf(tracks.video.packets), { timeout: 28_000, interval: 200 })
    .toBeGreaterThan(seconds);
  close();
  await pull.close('stopped');
  reservation.release();
  return tracks;
}

async function listen(stream: string, tracks: Record<MediaKind, Track>): Promise<() => void> {
  const publisher = registry.publisherOf(stream);
  if (!publisher) throw new Error('nobody publishes');
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const listenInfo = { protocol: 'udp', ip: '127.0.0.1' } as const;
  const transport = await publisher.home.router.createPlainTransport({ listenInfo, rtcpMux: true });
  await transport.connect({ ip: '127.0.0.1', port: socket.address().port });
  const bySsrc = new Map<number, Track>();
  for (const producer of publisher.producers) {
    const { rtpCapabilities } = publisher.home.router;
    const consumer = await transport.consume({ producerId: producer.id, rtpCapabilities });
    bySsrc.set(consumer.rtpParameters.encodings?.[0]?.ssrc ?? 0, tracks[producer.kind]);
  }
  socket.on('message', (packet) => {
    const [, type = 0] = packet;
    if (type >= 200 && type <= 207) readReports(packet, bySsrc);
    else bySsrc.get(packet.readUInt32BE(8))?.packets.push(packet);
  });
  return () => {
    transport.close();
    socket.close();
  };
}

/** RFC 3550, section 6.4.1 */
function readReports(compound: Buffer, bySsrc: Map<number, Track>): void {
  for (let at = 0; at + 8 <= compound.length; at += (compound.readUInt16BE(at + 2) + 1) * 4) {
    const track = compound[at + 1] === 200 ? bySsrc.get(compound.readUInt32BE(at + 4)) : undefined;
    if (!track) continue;
    const ntp = compound.readUInt32BE(at + 8) + compound.readUInt32BE(at + 12) / 2 ** 32;
    track.report = { ntp, timestamp: compound.readUInt32BE(at + 16) };
  }
}

const timestampOf = (packet: Buffer | undefined) => packet?.readUInt32BE(4) ?? 0;
const spanOf = (packets: Buffer[]) =>
  ((timestampOf(packets.at(-1)) - timestampOf(packets[0])) | 0) / CLOCK_RATE.video;

function decode(format: string, input: Buffer, ...output: string[]): Buffer {
  const args = ['-v', 'error', '-f', format, '-i', 'pipe:0', ...output, 'pipe:1'];
  return spawnSync(findFfmpeg(), args, { input, maxBuffer: 1 << 28 }).stdout;
}

/** The timestamps of frames that are much lighter or darker than the one before. */
function flashes(packets: Buffer[]): number[] {
  const [width, bytes] = [16, 16 * 16];
  const filter = ['-vsync', 'passthrough', '-vf', `scale=${width}:${width}`, '-pix_fmt', 'gray'];
  const pictures = decode('h264', depacketize('H264', packets), ...filter, '-f', 'rawvideo');
  const timestamps = [...new Set(packets.map(timestampOf))];
  const light = Array.from({ length: pictures.length / bytes }, (_, frame) =>
    pictures.subarray(frame * bytes, (frame + 1) * bytes).reduce((sum, value) => sum + value / bytes, 0),
  );
  expect(light).toHaveLength(timestamps.length);
  return timestamps.filter(
    (_, frame) => Math.abs((light[frame] ?? 0) - (light[frame - 1] ?? light[0] ?? 0)) > 60,
  );
}

/** The timestamps at which it is loud after a pause. */
function ticks(packets: Buffer[]): number[] {
  const raw = decode('ogg', depacketize('opus', packets), '-ac', '1', '-ar', '48000', '-f', 'f32le');
  const samples = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const found: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const [index, sample] of samples.entries()) {
    if (Math.abs(sample) < 0.1) continue;
    if (index - last > CLOCK_RATE.audio / 2) found.push((timestampOf(packets[0]) + index) >>> 0);
    last = index;
  }
  return found;
}

function secondsOf({ report }: Track, timestamp: number, rate: number): number {
  if (!report) throw new Error('no sender report came');
  return report.ntp + ((timestamp - report.timestamp) | 0) / rate;
}

/** How much later than their ticks the flashes are shown. */
function offsets({ video, audio }: Record<MediaKind, Track>): number[] {
  const heard = ticks(audio.packets).map((tick) => secondsOf(audio, tick, CLOCK_RATE.audio));
  return flashes(video.packets).map((flash) => {
    const seen = secondsOf(video, flash, CLOCK_RATE.video);
    return Math.min(...heard.map((tick) => Math.abs(seen - tick))) * 1000;
  });
}

test.each(CASES)('%s after %i s: sound and picture are within %i ms', async (path, seconds, mostMs) => {
  const found = offsets(await receive(path, seconds));
  expect(found.length).toBeGreaterThanOrEqual(2);
  for (const ms of found) expect(ms).toBeLessThan(mostMs);
});
