/** One stream's viewers on several workers: where they go, what carries it there, and what becomes of it. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { types } from 'mediasoup';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../server/base/logger.ts';
import type { Media, Tracks } from '../../server/protocol/messages.ts';
import { wireCapabilities } from '../../server/signaling/capabilities.ts';
import type { Publisher } from '../../server/streams/publisher.ts';
import type { Viewer } from '../../server/streams/viewer.ts';
import { Fanout } from '../../workers/media/fanout.ts';
import type { MediaWorker } from '../../workers/media/pool.ts';
import { DTLS, rtpParameters } from '../helpers/client.ts';
import { decodeVideo } from '../helpers/decode.ts';
import { busy, type Here, startHere } from '../helpers/here.ts';
import { watchPackets } from '../helpers/live.ts';
import { publishMedia } from '../helpers/publish-media.ts';

const logger = createLogger({ level: 'silent', format: 'json' });
const within = { timeout: 10_000 };

let here: Here;
beforeEach(async () => {
  here = await startHere();
});
afterEach(() => here.stop());

const pipes = () => here.pool.snapshot().workers.map((worker) => worker.pipes);

describe('a stream', () => {
  let home: MediaWorker;
  let other: MediaWorker;
  let transport: types.DirectTransport;
  let producers: types.Producer[];
  let fanout: Fanout;

  const create = (lingerMs: number, maxLoad = 0.85) =>
    new Fanout({
      ...{ home, workers: () => here.pool.workers, producers, maxLoad, lingerMs, logger },
      keyFrameRequestDelay: 500,
      bitrate: 1_000_000,
    });

  beforeEach(async () => {
    const [first, second] = here.pool.workers;
    if (!first || !second) throw new Error('two workers');
    home = first;
    other = second;
    transport = await home.router.createDirectTransport();
    producers = [await transport.produce({ kind: 'audio', rtpParameters: rtpParameters('opus') })];
    fanout = create(60_000);
  });
  afterEach(() => fanout.close());

  test('stays at home while that is light: no pipe', async () => {
    const places = await Promise.all(Array.from({ length: 20 }, () => fanout.place()));
    expect(new Set(places.map(({ worker }) => worker))).toEqual(new Set([home]));
    expect(places[0]?.producers).toEqual(producers);
    expect(pipes()).toEqual([0, 0]);
  });

  test('is piped once for all who come at the same time, and for those who come later', async () => {
    busy(home);
    const [first, second] = await Promise.all([fanout.place(), fanout.place()]);
    const third = await fanout.place();
    expect([first?.worker, second?.worker, third.worker]).toEqual([other, other, other]);
    expect(second?.producers).toBe(first?.producers);
    expect(third.producers).toBe(first?.producers);
    expect(third.producers.map(({ id }) => id)).toEqual(producers.map(({ id }) => id));
    expect(pipes()).toEqual([1, 1]);
  });

  test('leaves a worker a while after its last viewer there, unless one comes meanwhile', async () => {
    fanout = create(200);
    busy(home);
    const [first, second] = await Promise.all([fanout.place(), fanout.place()]);
    first.leave();
    first.leave();
    second.leave();
    const third = await fanout.place();
    expect(third.producers).toBe(first.producers);
    third.leave();
    await expect.poll(pipes, within).toEqual([0, 0]);
    expect(fanout.pipes).toBe(0);
    const again = await fanout.place();
    expect(again.worker).toBe(other);
    expect(pipes()).toEqual([1, 1]);
  });

  test('that ends takes all of it along, also a pipe that is being made', async () => {
    busy(home);
    const place = fanout.place();
    fanout.close();
    await expect(place).rejects.toThrow();
    await expect.poll(pipes, within).toEqual([0, 0]);
    expect((await other.router.dump()).transportIds).toEqual([]);
    await expect(fanout.place()).rejects.toThrow();
  });

  test('goes home where a pipe fails, and is piped as soon as that is possible again', async () => {
    busy(home);
    process.kill(other.pid, 'SIGKILL');
    // Not known to be dead yet.
    expect(here.pool.workers).toContain(other);
    const there = await fanout.place();
    expect(there.worker).toBe(home);
    expect(pipes()[0]).toBe(0);
    await expect.poll(() => here.pool.workers.length, within).toBe(2);
    const { worker } = await fanout.place();
    expect(worker.index).toBe(other.index);
    expect(worker).not.toBe(other);
    expect(pipes()).toEqual([1, 1]);
  });

  test('is full when every worker is as busy as it may be', async () => {
    busy(home);
    const relieve = busy(other);
    await expect(fanout.place()).rejects.toMatchObject({ code: 'full' });
    await expect(
      here.registry.publish({ tracks: ['audio'], id: 'another', grant: 'test' }),
    ).rejects.toMatchObject({ code: 'server_full' });
    relieve();
    expect((await fanout.place()).worker).toBe(other);
  });
});

describe('viewers', () => {
  const rtpCapabilities = () => wireCapabilities(here.pool.rtpCapabilities);

  async function live(id: string): Promise<Publisher> {
    const publisher = await here.registry.publish({ tracks: ['audio'], id, grant: 'test' });
    await publisher.connect(DTLS);
    await publisher.produce('audio', rtpParameters('opus'));
    return publisher;
  }

  async function watch(id: string): Promise<Viewer> {
    return (await here.registry.watch(id, { rtpCapabilities: rtpCapabilities() })).viewer;
  }

  test('of a hundred streams, a few each: no pipe, and both workers at work', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `stream-${index}`);
    await Promise.all(ids.map(live));
    await Promise.all(ids.flatMap((id) => [watch(id), watch(id), watch(id)]));
    const { workers } = here.pool.snapshot();
    expect(workers.map((worker) => worker.pipes)).toEqual([0, 0]);
    expect(Math.min(...workers.map(({ transports }) => transports))).toBeGreaterThan(150);
  });

  test('whose worker dies are back on another one; the publisher and those elsewhere see nothing', async () => {
    const publisher = await live('a');
    const near = await watch('a');
    const relieve = busy(publisher.home);
    const far = await watch('a');
    expect(publisher.fanout.pipes).toBe(1);
    relieve();
    const seen: string[] = [];
    const back = Promise.withResolvers<Media>();
    publisher.on('ended', () => seen.push('publisher'));
    for (const viewer of [near, far]) viewer.on('ended', () => seen.push('ended'));
    near.on('away', () => seen.push('near'));
    far.on('away', (reason) => seen.push(`far ${reason}`));
    far.on('live', back.resolve);
    const dead = here.pool.workers.find((worker) => worker !== publisher.home);
    process.kill(dead?.pid ?? 0, 'SIGKILL');
    const { consumers } = await back.promise;
    expect(consumers.map(({ producerId }) => producerId)).toEqual(publisher.producers.map(({ id }) => id));
    expect(seen).toEqual(['far worker_failed']);
    await expect.poll(() => publisher.fanout.pipes, within).toBe(0);
  });

  test('whose publisher’s worker dies keep their transports elsewhere, and go on with the next publisher', async () => {
    const publisher = await live('a');
    const near = await watch('a');
    busy(publisher.home);
    const far = await watch('a');
    const away = Promise.all([far, near].map((viewer) => once(viewer, 'away')));
    process.kill(publisher.home.pid, 'SIGKILL');
    expect(await away).toEqual([['worker_failed'], ['worker_failed']]);
    await expect.poll(pipes, within).toEqual([0, 0]);
    const anew = once(near, 'live');
    const back = new Promise<Tracks>((resolve) => far.on('tracks', resolve));
    await live('a');
    expect((await back).consumers).toHaveLength(1);
    expect(await anew).toMatchObject([{ consumers: [{ kind: 'audio' }] }]);
  });

  test('who waited and find no room go on waiting, and get in when there is some', async () => {
    const rtpCapabilities = wireCapabilities(here.pool.rtpCapabilities);
    const waiting = await Promise.all(
      Array.from({ length: 5 }, async () => (await here.registry.watch('a', { rtpCapabilities })).viewer),
    );
    const seen = waiting.map(() => [] as string[]);
    for (const [index, viewer] of waiting.entries()) {
      viewer.on('live', () => seen[index]?.push('live'));
      viewer.on('notice', (notice) => seen[index]?.push(notice?.code ?? 'over'));
      viewer.on('ended', () => seen[index]?.push('ended'));
    }
    const publisher = await here.registry.publish({ tracks: ['audio'], id: 'a', grant: 'test' });
    await publisher.connect(DTLS);
    const relieve = here.pool.workers.map((worker) => busy(worker));
    await publisher.produce('audio', rtpParameters('opus'));
    await expect.poll(() => seen.flat(), within).toEqual(Array(5).fill('no_room'));
    for (const each of relieve) each();
    await expect.poll(() => seen, within).toEqual(Array(5).fill(['no_room', 'live']));
    // Those who come while there is no room are told so, and may wait elsewhere.
    for (const worker of here.pool.workers) busy(worker);
    await expect(watch('a')).rejects.toMatchObject({ code: 'full' });
  });

  test('leave nothing behind on either worker', async () => {
    here.spread();
    const publisher = await live('a');
    const viewers = await Promise.all(Array.from({ length: 10 }, () => watch('a')));
    publisher.close('stopped');
    for (const viewer of viewers) viewer.close();
    for (const { router } of here.pool.workers) {
      await expect.poll(async () => (await router.dump()).transportIds, within).toEqual([]);
    }
  });
});

test('a player is refused politely while the server is as busy as it may be', async () => {
  const publisher = await publishMedia(here.url, 'a', 'h264');
  for (const worker of here.pool.workers) busy(worker);
  const refused = watchPackets(here.url, 'a');
  await expect(refused).rejects.toMatchObject({ status: 503, code: 'full', retryAfter: 30 });
  await publisher.stop();
});

describe('through the pipe', () => {
  beforeEach(() => here.spread());

  test.each([
    ['h264', 'H264'],
    ['h264-high', 'H264'],
    ['vp8', 'VP8'],
  ] as const)('%s plays', async (name, codec) => {
    const publisher = await publishMedia(here.url, 'a', name);
    const viewer = await watchPackets(here.url, 'a');
    const packets = await viewer.seconds('video', 3);
    expect(viewer.of.audio.length).toBeGreaterThan(50);
    const picture = await decodeVideo(codec, packets);
    expect(picture.errors).toEqual([]);
    expect(picture.frames).toBeGreaterThan(45);
    expect(pipes()).toEqual([1, 1]);
    await viewer.stop();
    await publisher.stop();
  });

  test('a lone joiner’s key frame request is with the publisher at once', async () => {
    const asked: number[] = [];
    const publisher = await publishMedia(here.url, 'a', 'h264-long-gop', {
      onKeyFrameRequest: () => asked.push(performance.now()),
    });
    const first = await watchPackets(here.url, 'a');
    await expect.poll(() => asked.length, within).toBeGreaterThan(0);
    const connected = performance.now();
    expect((asked[0] ?? 0) - connected).toBeLessThan(300);
    await first.stop();
    await publisher.stop();
  });

  test('a storm of joiners asks the publisher for at most two key frames a second', async () => {
    const asked: number[] = [];
    const publisher = await publishMedia(here.url, 'a', 'h264', {
      onKeyFrameRequest: () => asked.push(performance.now()),
    });
    const begun = performance.now();
    const joining = Array.from({ length: 40 }, async (_, index) => {
      await delay(index * 50);
      return watchPackets(here.url, 'a');
    });
    const viewers = await Promise.all(joining);
    await Promise.all(viewers.map((viewer) => viewer.seconds('video', 0.5)));
    const seconds = (performance.now() - begun) / 1000;
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(2 * seconds + 1);
    // In any second, not only on average.
    for (const at of asked) {
      expect(asked.filter((other) => other >= at && other < at + 900).length).toBeLessThanOrEqual(2);
    }
    expect(here.pool.snapshot().workers.map((worker) => worker.pipes)).toEqual([1, 1]);
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    await publisher.stop();
  });
});
