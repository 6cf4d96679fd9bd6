import type { types } from 'mediasoup';
import * as mediasoup from 'mediasoup';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Traffic, TrafficMeter } from '../../workers/media/traffic.ts';
import { type Here, startHere } from '../helpers/here.ts';
import { watchPackets } from '../helpers/live.ts';
import { publishMedia } from '../helpers/publish-media.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const VIDEO = { kind: 'video' as const, mimeType: 'video/VP8', clockRate: 90_000 };

async function router(): Promise<types.Router> {
  const worker = await mediasoup.createWorker({ logLevel: 'error' });
  closing.push(() => worker.close());
  return worker.createRouter({ mediaCodecs: [VIDEO] });
}

function meterOf(...workers: { index: number; router: types.Router }[]): TrafficMeter {
  const meter = new TrafficMeter();
  closing.push(() => meter.close());
  for (const worker of workers) meter.watch(worker);
  return meter;
}

describe('asking', () => {
  afterEach(() => vi.useRealTimers());

  test('25 a second at most, each in turn, none more often than every 5 s', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const own = await router();
    const meter = meterOf({ index: 0, router: own });
    const transport = await own.createDirectTransport();
    const { id } = await transport.produce({
      kind: 'video',
      rtpParameters: { codecs: [{ ...VIDEO, payloadType: 96 }], encodings: [{ ssrc: 1 }] },
    });
    const asked = new Map<string, number>();
    const second = () => vi.advanceTimersByTime(1000);
    const total = () => [...asked.values()].reduce((sum, times) => sum + times, 0);
    const addViewers = async (count: number) => {
      for (let index = 0; index < count; index++) {
        const viewer = await own.createDirectTransport();
        const consumer = await viewer.consume({ producerId: id, rtpCapabilities: own.rtpCapabilities });
        vi.spyOn(consumer, 'getStats').mockImplementation(async () => {
          asked.set(consumer.id, (asked.get(consumer.id) ?? 0) + 1);
          return [];
        });
      }
    };
    await addViewers(10);
    for (let seconds = 0; seconds < 20; seconds++) second();
    expect([...asked.values()].every((times) => times >= 3 && times <= 4)).toBe(true);
    await addViewers(290);
    asked.clear();
    let before = 0;
    for (let seconds = 0; seconds < 20; seconds++) {
      second();
      expect(total() - before).toBeLessThanOrEqual(25);
      before = total();
    }
    expect(asked.size).toBe(300);
    meter.close();
  });
});

describe('between workers', () => {
  let here: Here;

  test('what goes through pipes is apart from what viewers get', async () => {
    here = await startHere();
    closing.push(() => here.stop());
    here.spread();
    const meter = meterOf(...here.pool.workers);
    const publisher = await publishMedia(here.url, 'far', 'vp8');
    closing.push(() => publisher.stop());
    const viewers = await Promise.all([1, 2].map(() => watchPackets(here.url, 'far')));
    await viewers[0]?.seconds('video', 3);
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    const packets = (match: Partial<Traffic>) =>
      meter
        .snapshot()
        .filter((each) => Object.entries(match).every(([name, value]) => Reflect.get(each, name) === value))
        .reduce((sum, each) => sum + each.packets, 0);
    const got = viewers.reduce((sum, { of }) => sum + of.video.length, 0);
    const video = { kind: 'video' } as const;
    await expect
      .poll(() => packets({ ...video, transport: 'webrtc', direction: 'out' }))
      .toBeGreaterThanOrEqual(got);
    expect(packets({ ...video, transport: 'webrtc', direction: 'out' })).toBeLessThan(got * 1.02 + 20);
    for (const direction of ['out', 'in'] as const) {
      await expect
        .poll(() => packets({ ...video, transport: 'pipe', direction }), { timeout: 15_000 })
        .toBeGreaterThan(got / 4);
    }
    const workers = new Set(meter.snapshot().map(({ worker }) => worker));
    expect(workers.size).toBe(2);
  });
});
