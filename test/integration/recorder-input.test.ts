import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { types } from 'mediasoup';
import * as mediasoup from 'mediasoup';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RtpSource, type RtpSourceOptions } from '../../tools/lib/rtp-source.ts';
import { Recorder } from '../../workers/ffmpeg/record/recorder.ts';
import type { RtpPacket } from '../../workers/ffmpeg/record/rtp.ts';
import { Tap } from '../../workers/ffmpeg/record/tap.ts';
import { media } from '../helpers/media.ts';
import { check } from '../helpers/recorder-check.ts';
import { Publisher, ROUTER_OPTIONS } from '../helpers/recorder-publisher.ts';

let worker: types.Worker;
let folder: string;
beforeAll(async () => {
  worker = await mediasoup.createWorker({ logLevel: 'error' });
  folder = mkdtempSync(join(tmpdir(), 'pharos-recorder-'));
});
afterAll(() => {
  worker.close();
  rmSync(folder, { recursive: true });
});

test('a packet that was lost between mediasoup and here is sent again when it is asked for', async () => {
  const router = await worker.createRouter(ROUTER_OPTIONS);
  const publisher = await Publisher.create({ router, video: { codec: 'VP8' } });
  publisher.start();
  const seen: { consumer: types.Consumer; packet: RtpPacket }[] = [];
  const reported = new Set<string>();
  const tap = await Tap.create({
    router,
    producers: publisher.producers,
    listener: {
      tapOnPacket: (consumer, packet) => seen.push({ consumer, packet }),
      tapOnReport: ({ kind }) => reported.add(kind),
      tapOnConsumerEnd: () => undefined,
    },
  });
  await sleep(300);
  expect(seen).toEqual([]);
  await tap.resume();
  await expect.poll(() => reported, { timeout: 3000 }).toEqual(new Set(['audio', 'video']));
  for (const consumer of tap.consumers) {
    const of = () => seen.filter((each) => each.consumer === consumer).map(({ packet }) => packet);
    const numbers = of()
      .slice(-20)
      .map(({ sequence }) => sequence);
    const asked = [numbers[0], numbers[1], numbers[19]].filter((number) => number !== undefined);
    const times = () =>
      asked.map(
        (number) => of().filter(({ sequence, payload }) => sequence === number && payload.length > 0).length,
      );
    expect(times()).toEqual([1, 1, 1]);
    tap.askAgain(consumer, asked);
    await expect.poll(times).toEqual([2, 2, 2]);
  }
  tap.close();
  publisher.close();
  expect((await router.dump()).transportIds).toEqual([]);
  router.close();
});

test('pictures that come in another order than they are shown in keep both', async () => {
  const main = { 'packetization-mode': 1, 'profile-level-id': '4d001f' };
  const router = await worker.createRouter({
    mediaCodecs: [
      ...(ROUTER_OPTIONS.mediaCodecs ?? []),
      {
        ...{ kind: 'video', mimeType: 'video/H264', clockRate: 90_000 },
        parameters: { ...main, 'level-asymmetry-allowed': 1 },
      },
    ],
  });
  const send: Record<string, (packet: Buffer) => void> = {};
  const options: RtpSourceOptions = {
    ...{ file: await media('h264-b-frames'), loop: true, copy: true },
    onPacket: (kind, packet) => send[kind]?.(packet),
  };
  const source = await RtpSource.open(options);
  const producers: types.Producer[] = [];
  const sockets = source.tracks.map(() => createSocket('udp4'));
  for (const [index, { kind, ssrc, payloadType }] of source.tracks.entries()) {
    const transport = await router.createPlainTransport({
      ...{ listenInfo: { protocol: 'udp', ip: '127.0.0.1' }, rtcpMux: true, comedia: true },
    });
    const codec =
      kind === 'audio'
        ? { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, payloadType }
        : { mimeType: 'video/H264', clockRate: 90_000, payloadType, parameters: main };
    producers.push(
      await transport.produce({ kind, rtpParameters: { codecs: [codec], encodings: [{ ssrc }] } }),
    );
    const socket = sockets[index];
    socket?.connect(transport.tuple.localPort, '127.0.0.1');
    if (socket) await once(socket, 'connect');
    send[kind] = (packet) => socket?.send(packet);
  }
  source.start(options);
  const logger = pino({ level: 'silent' });
  const file = (format: string) => join(folder, `b-frames.${format}`);
  const recorder = await Recorder.create({ router, producers, file, logger });
  await once(recorder, 'started');
  await sleep(3000);
  const result = await recorder.stop();
  await source.close();
  for (const socket of sockets) socket.close();
  router.close();
  const checked = await check(result?.file ?? '');
  expect(checked.errors).toEqual([]);
  expect(result).toMatchObject({ end: 'finished', video: { lost: 0, dropped: 0 } });
  expect(checked.frames).toBe(result?.video?.frames);
  const shown = [...checked.videoTimes].sort((a, b) => a - b);
  expect(shown).not.toEqual(checked.videoTimes);
  const steps = shown.slice(1).map((time, index) => time - (shown[index] ?? 0));
  const median = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)];
  expect(median).toBeCloseTo(1 / 30, 2);
});
