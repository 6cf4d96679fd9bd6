/** A viewer's choice among the layers of a simulcast, at its publisher's worker and through a pipe. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { types } from 'mediasoup';
import * as mediasoup from 'mediasoup';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Layers, scalesOf } from '../../server/streams/layers.ts';
import { isRtcp, parseRtp } from '../../workers/ffmpeg/record/rtp.ts';
import { recorderCapabilities } from '../../workers/ffmpeg/record/tap.ts';
import { keyFrameSize, readVp8Payload } from '../../workers/ffmpeg/record/vp8.ts';
import { openPipe } from '../../workers/media/pipe.ts';
import { Publisher, ROUTER_OPTIONS } from '../helpers/recorder-publisher.ts';

const SIZES = ['160x90', '320x180', '640x360'];
const WIDTHS = [160, 320, 640];
const PATIENCE = { timeout: 15_000 };

let workers: types.Worker[];
const closers: (() => unknown)[] = [];
beforeAll(async () => {
  workers = await Promise.all([0, 1].map(() => mediasoup.createWorker({ logLevel: 'error' })));
});
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});
afterAll(() => {
  for (const worker of workers) worker.close();
});

/** Where a viewer's packets come to: how many, and how wide the picture of the last key frame was. */
async function receiver(router: types.Router): Promise<{ transport: types.Transport; seen: Seen }> {
  const socket: Socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const transport = await router.createPlainTransport({
    listenInfo: { protocol: 'udp', ip: '127.0.0.1' },
    rtcpMux: true,
  });
  await transport.connect({ ip: '127.0.0.1', port: socket.address().port });
  closers.push(() => socket.close());
  const seen: Seen = { packets: 0, width: 0 };
  socket.on('message', (data) => {
    const payload = isRtcp(data) ? undefined : parseRtp(data)?.payload;
    if (!payload) return;
    seen.packets += 1;
    const vp8 = readVp8Payload(payload);
    const size = vp8?.start ? keyFrameSize(vp8.data) : undefined;
    if (size) seen.width = size.width;
  });
  return { transport, seen };
}

type Seen = { packets: number; width: number };

test.each(['the publisher’s worker', 'another worker'])(
  'on %s',
  async (where) => {
    const [home, other] = await Promise.all(workers.map((worker) => worker.createRouter(ROUTER_OPTIONS)));
    if (!home || !other) throw new Error('no routers');
    closers.push(() => home.close());
    closers.push(() => other.close());
    const video = SIZES.map((size) => ({ codec: 'VP8' as const, size, bitrate: '300k' }));
    const publisher = await Publisher.create({ router: home, video, audio: false });
    closers.push(() => publisher.close());
    publisher.start();
    const piped = where === 'another worker';
    const { producers } = publisher;
    const pipe =
      piped &&
      (await openPipe({ from: home, to: other, producers, keyFrameRequestDelay: 500, onClose() {} }));
    const [producer] = pipe ? pipe.producers : producers;
    if (!producer) throw new Error('no producer');

    const router = piped ? other : home;
    const { transport, seen } = await receiver(router);
    // Without estimates of bandwidth, which nothing here gives.
    const rtpCapabilities = recorderCapabilities(router.rtpCapabilities);
    const consumer = await transport.consume({
      producerId: producer.id,
      rtpCapabilities,
    });
    expect(scalesOf(consumer)).toEqual([4, 2, 1]);
    const told: (number | null)[] = [];
    const layers = new Layers((layer) => told.push(layer));
    await layers.use(transport, [consumer]);
    await expect.poll(() => seen.width, PATIENCE).toBe(640);
    expect(layers.current).toBe(2);

    for (const [spatialLayer, width] of WIDTHS.entries()) {
      await layers.prefer({ video: true, spatialLayer });
      await expect.poll(() => seen.width, PATIENCE).toBe(width);
      await expect.poll(() => told.at(-1), PATIENCE).toBe(spatialLayer);
    }

    await layers.prefer({ video: false });
    await expect.poll(() => told.at(-1), PATIENCE).toBeNull();
    expect(layers.current).toBeNull();
    const [sent, { packets }] = [publisher.frames('video'), seen];
    await expect.poll(() => publisher.frames('video'), PATIENCE).toBeGreaterThan(sent + 30);
    // No more than what was on its way.
    expect(seen.packets - packets).toBeLessThan(20);

    // More than there is means the largest; without it, the next.
    await layers.prefer({ video: true, spatialLayer: 7 });
    await expect.poll(() => seen.width, PATIENCE).toBe(640);
    await expect.poll(() => told.at(-1), PATIENCE).toBe(2);
    publisher.stopBestLayer(true);
    await expect.poll(() => told.at(-1), PATIENCE).toBe(1);
    await expect.poll(() => seen.width, PATIENCE).toBe(320);
    publisher.stopBestLayer(false);
    await expect.poll(() => told.at(-1), PATIENCE).toBe(2);

    // Whoever has the same wish of another publisher, gets it from the first packet on.
    await layers.prefer({ video: true, spatialLayer: 0 });
    await layers.use(transport, [await transport.consume({ producerId: producer.id, rtpCapabilities })]);
    expect(layers.current).toBeNull();
    await expect.poll(() => told.at(-1), PATIENCE).toBe(0);
  },
  90_000,
);
