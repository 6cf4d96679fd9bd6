import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { types } from 'mediasoup';
import * as mediasoup from 'mediasoup';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import type { PartResult } from '../../workers/ffmpeg/record/part.ts';
import { Recorder } from '../../workers/ffmpeg/record/recorder.ts';
import { type Checked, check, offsets, soundCodec } from '../helpers/recorder-check.ts';
import {
  Publisher,
  type PublisherOptions,
  ROUTER_OPTIONS,
  type VideoCodec,
} from '../helpers/recorder-publisher.ts';

const logger = pino({ level: 'silent' });
const CODECS: VideoCodec[] = ['H264', 'VP8'];
/** Before its packets, Opus has 6.5 ms that nobody skips: what it encodes comes so much later. */
const OPUS_DELAY = 6.5;

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

let files = 0;
const name = () => {
  const base = join(folder, `${files++}`);
  return (format: string) => `${base}.${format}`;
};

type Setup = { publisher: Publisher; recorder: Recorder; router: types.Router };

/** A publisher that has been live for a moment, and a recorder of it whose file has begun. */
async function start(
  context: TestContext,
  options: Omit<PublisherOptions, 'router'>,
  { stallTime, liveFor = 1000 }: { stallTime?: number; liveFor?: number } = {},
): Promise<Setup> {
  const router = await worker.createRouter(ROUTER_OPTIONS);
  const publisher = await publish(context, router, options);
  await sleep(liveFor);
  const { producers } = publisher;
  const recorder = await Recorder.create({
    router,
    producers,
    file: name(),
    logger,
    ...(stallTime && { stallTime }),
  });
  context.onTestFinished(async () => {
    await recorder.stop();
    router.close();
  });
  await once(recorder, 'started');
  return { publisher, recorder, router };
}

async function publish(
  context: TestContext,
  router: types.Router,
  options: Omit<PublisherOptions, 'router'>,
): Promise<Publisher> {
  const publisher = await Publisher.create({ router, ...options });
  context.onTestFinished(() => publisher.close());
  publisher.start();
  return publisher;
}

async function stop(recorder: Recorder): Promise<{ result: PartResult; file: Checked }> {
  const result = await recorder.stop();
  if (!result) throw new Error('nothing was recorded');
  return { result, file: await check(result.file) };
}

function expectSound({ result, file }: { result: PartResult; file: Checked }, end = 'finished'): void {
  expect(file.errors).toEqual([]);
  expect(result.end).toBe(end);
  if (end !== 'finished') return;
  expect(file.frames).toBe((result.video?.frames ?? 0) + (result.video?.stills ?? 0));
  expect(Math.abs(file.duration * 1000 - result.duration)).toBeLessThan(50);
  for (const times of [file.videoTimes, file.audioTimes]) {
    expect(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0))).toBe(true);
  }
}

/** @param from Which flash is the first that counts. @param most In ms. */
function expectInSync(file: Checked, atLeast: number, from = 0, most = 30): void {
  const found = offsets(file);
  expect(found.length).toBeGreaterThanOrEqual(atLeast);
  for (const offset of found.slice(from)) expect(Math.abs(offset - OPUS_DELAY)).toBeLessThan(most);
}

/** In real time, beside all the others. */
const LONG_MS = 121_000;

describe.concurrent('a file', () => {
  test.for(CODECS)(
    'of %s and Opus, two minutes long, is whole and in sync, though its tracks come unevenly late',
    { timeout: LONG_MS + 60_000 },
    async (codec, context) => {
      const { recorder } = await start(
        context,
        { video: { codec }, delay: { audio: 20, video: 100 } },
        { liveFor: 3000 },
      );
      await sleep(LONG_MS);
      const stopped = Date.now();
      const recorded = await stop(recorder);
      expectSound(recorded);
      const { result, file } = recorded;
      // The picture that is being taken when it is stopped comes a tenth of a second later.
      expect(stopped - result.endedAt).toBeLessThan(150);
      expect(Math.abs(file.frames - (result.duration * 30) / 1000)).toBeLessThanOrEqual(
        0.01 * file.frames + 3,
      );
      expect(file.audioTimes.length).toBeGreaterThan((result.duration / 20) * 0.99 - 2);
      expect(result).toMatchObject({ audio: { lost: 0 }, video: { lost: 0, dropped: 0, stills: 0 } });
      expectInSync(file, LONG_MS / 1000 - 1);
    },
  );

  test.for(CODECS)('of %s alone', async (codec, context) => {
    const { recorder } = await start(context, { video: { codec }, audio: false });
    await sleep(3000);
    const recorded = await stop(recorder);
    expectSound(recorded);
    expect(recorded.file.audioTimes).toEqual([]);
    expect(recorded.file.frames).toBeGreaterThan(85);
  });

  test('of sound alone', async (context) => {
    const { recorder } = await start(context, {});
    await sleep(3000);
    const recorded = await stop(recorder);
    expectSound(recorded);
    expect(recorded.result.format).toBe('webm');
    expect(recorded.file.beeps.length).toBeGreaterThanOrEqual(3);
  });

  test('of the best layer of a simulcast, and what is left of it', async (context) => {
    const layers = ['160x90', '320x180', '640x360'].map((size) => ({ codec: 'VP8' as const, size }));
    const { publisher, recorder } = await start(context, { video: layers }, { liveFor: 3000 });
    await sleep(3000);
    publisher.stopBestLayer(true);
    await sleep(7000);
    const recorded = await stop(recorder);
    expectSound(recorded);
    const { sizes = [] } = recorded.result.video ?? {};
    expect(sizes.map(({ width }) => width)).toEqual([640, 320]);
    expect(recorded.file.sizes).toEqual(['640x360', '320x180']);
    // mediasoup puts one layer's timestamps after the other's as well as it can.
    expectInSync(recorded.file, 5, 0, 80);
  });

  test('of a simulcast that has just begun, by its largest picture from the first frame on', async (context) => {
    const layers = ['160x90', '320x180', '640x360'].map((size) => ({ codec: 'H264' as const, size }));
    const { recorder } = await start(context, { video: layers }, { liveFor: 0 });
    await sleep(4000);
    const recorded = await stop(recorder);
    expect(recorded.file.sizes).toEqual(['640x360']);
    expect(recorded.file.errors).toEqual([]);
  });

  test.for([
    ['PCMU', 'VP8'],
    ['PCMA', 'H264'],
  ] as const)('of %s with %s: the sound is Opus in it, and in step', async ([audio, codec], context) => {
    const { recorder } = await start(context, { audio, video: { codec } });
    await sleep(5000);
    const recorded = await stop(recorder);
    expect(recorded.file.errors).toEqual([]);
    expect(recorded.result.end).toBe('finished');
    expect(await soundCodec(recorded.result.file)).toBe('opus');
    expectInSync(recorded.file, 3, 0, 60);
  });

  test('with packets lost, swapped and doubled on their way has no ruined picture', async (context) => {
    let held: Buffer | undefined;
    const tamper = (kind: string, packet: Buffer, count: number): Buffer[] => {
      if (kind === 'video' && count % 211 === 0) return [];
      if (kind === 'video' && count % 50 === 7) {
        held = packet;
        return [];
      }
      if (kind !== 'video' || count % 50 < 10 || !held) return [packet];
      const late = held;
      held = undefined;
      return [packet, late, late];
    };
    const { recorder } = await start(context, { video: { codec: 'H264' }, tamper });
    await sleep(5000);
    const recorded = await stop(recorder);
    expectSound(recorded);
    expect(recorded.result.video?.lost).toBeGreaterThan(0);
    expect(recorded.result.video?.dropped).toBeGreaterThan(0);
    expect(recorded.result.audio?.lost).toBe(0);
    expectInSync(recorded.file, 2);
  });
});

describe.concurrent('one file goes on', () => {
  test.for(CODECS)('with another publisher (%s): the time between them is a gap', async (codec, context) => {
    const { publisher, recorder, router } = await start(context, { video: { codec } });
    await sleep(2500);
    publisher.close();
    const detached = once(recorder, 'detached');
    router.close();
    await detached;
    const router2 = await worker.createRouter(ROUTER_OPTIONS);
    await sleep(1500);
    const second = await publish(context, router2, { video: { codec }, delay: { video: 60 } });
    await recorder.attach(router2, second.producers);
    await sleep(7000);
    const recorded = await stop(recorder);
    router2.close();
    expectSound(recorded);
    const { result, file } = recorded;
    expect(result.audio?.longestGap).toBeGreaterThan(1400);
    expect(result.audio?.longestGap).toBeLessThan(3000);
    expect(Math.abs(result.endedAt - Date.now())).toBeLessThan(9000);
    // Of a publisher that has only just come, nobody knows yet how late its tracks come.
    expectInSync(file, 4, -2);
  });

  test.for(CODECS)(
    'while video is muted (%s): sound is written, and the picture comes back at its place',
    async (codec, context) => {
      const { publisher, recorder } = await start(context, { video: { codec } });
      await sleep(1500);
      await publisher.mute('video', true);
      await sleep(4000);
      await publisher.mute('video', false);
      await sleep(3000);
      const recorded = await stop(recorder);
      expectSound(recorded);
      const { result, file } = recorded;
      expect(result.video?.longestGap).toBeGreaterThan(3900);
      expect(result.audio?.longestGap).toBe(0);
      expect(file.beeps.length).toBeGreaterThanOrEqual(8);
      expectInSync(file, 4);
    },
  );

  test('when the publisher’s clock leaps', async (context) => {
    const { publisher, recorder } = await start(context, { video: { codec: 'VP8' } });
    await sleep(2000);
    publisher.leap(30_000);
    await sleep(2500);
    publisher.leap(-3_600_000);
    await sleep(2500);
    const recorded = await stop(recorder);
    expectSound(recorded);
    expect(recorded.result.duration).toBeLessThan(9000);
    expect(recorded.file.beeps.length).toBeGreaterThanOrEqual(6);
    expectInSync(recorded.file, 6);
  });

  test('in WebM with pictures of another size', async (context) => {
    const { publisher, recorder } = await start(context, { video: { codec: 'VP8' } });
    const changed = once(recorder, 'resolution');
    await sleep(1500);
    await publisher.changeVideo({ codec: 'VP8', size: '360x640' });
    expect((await changed)[0]).toMatchObject({ width: 360, height: 640 });
    await sleep(2000);
    const recorded = await stop(recorder);
    expectSound(recorded);
    expect(recorded.file.sizes).toEqual(['640x360', '360x640']);
  });
});

describe.concurrent('another file begins', () => {
  test('of MP4 with pictures of another size, and nothing is lost between them', async (context) => {
    const { publisher, recorder } = await start(context, { video: { codec: 'H264' } });
    const parts: Promise<PartResult | undefined>[] = [];
    recorder.on('split', (reason) => {
      expect(reason).toBe('resolution');
      parts.push(recorder.next(name()));
    });
    await sleep(2000);
    await publisher.changeVideo({ codec: 'H264', size: '360x640' });
    await sleep(3000);
    const second = await stop(recorder);
    const [first] = await Promise.all(parts);
    expect(parts).toHaveLength(1);
    if (!first) throw new Error('no first part');
    const file = await check(first.file);
    expectSound({ result: first, file });
    expectSound(second);
    expect([file.sizes, second.file.sizes]).toEqual([['640x360'], ['360x640']]);
    expect(Math.abs(second.result.startedAt - first.endedAt)).toBeLessThan(100);
    expectInSync(second.file, 2);
  });

  test('when a picture joins the sound, or another codec follows', async (context) => {
    const { publisher, recorder, router } = await start(context, {});
    const reasons: string[] = [];
    const parts: Promise<PartResult | undefined>[] = [];
    recorder.on('split', (reason) => {
      reasons.push(reason);
      // Not at once: what comes until then is kept.
      parts.push(sleep(700).then(() => recorder.next(name())));
    });
    await sleep(1000);
    for (const codec of CODECS) {
      publisher.close();
      const next = await publish(context, router, { video: { codec } });
      await recorder.attach(router, next.producers);
      await sleep(3500);
      recorder.detach();
      next.close();
    }
    const results = [...(await Promise.all(parts)), await recorder.stop()];
    expect(reasons).toEqual(['tracks', 'codec']);
    expect(results.map((result) => result?.format)).toEqual(['webm', 'mp4', 'webm']);
    for (const result of results) {
      if (!result) throw new Error('no result');
      expectSound({ result, file: await check(result.file) });
    }
    expect(results[1]?.duration).toBeGreaterThan(2000);
  });

  test.for(CODECS)(
    'when ffmpeg is killed (%s): of the first one at most a second is missing',
    async (codec, context) => {
      const { recorder } = await start(context, { video: { codec } });
      await sleep(2500);
      const ended = once(recorder, 'ended');
      const killedAt = Date.now();
      process.kill(recorder.pid ?? 0, 'SIGKILL');
      const [first]: PartResult[] = await ended;
      if (!first) throw new Error('no result');
      void recorder.next(name());
      await once(recorder, 'started');
      await sleep(1500);
      const second = await stop(recorder);
      expectSound(second);
      const file = await check(first.file);
      expectSound({ result: first, file }, 'died');
      expect(killedAt - (first.startedAt + file.duration * 1000)).toBeLessThan(1000);
      expect(second.result.startedAt - killedAt).toBeLessThan(1200);
    },
  );

  test('when ffmpeg takes nothing any more', async (context) => {
    const { recorder } = await start(
      context,
      { video: { codec: 'VP8', bitrate: '3M' } },
      { stallTime: 1000 },
    );
    await sleep(1000);
    process.kill(recorder.pid ?? 0, 'SIGSTOP');
    const [result] = await once(recorder, 'ended');
    expect(result.end).toBe('stalled');
    void recorder.next(name());
    await once(recorder, 'started');
    await sleep(500);
    expectSound(await stop(recorder));
  });

  test('when there is no place to write it, with why', async (context) => {
    const router = await worker.createRouter(ROUTER_OPTIONS);
    const { producers } = await publish(context, router, {});
    const recorder = await Recorder.create({ router, producers, file: () => '/nowhere/at.all', logger });
    const [result]: PartResult[] = await once(recorder, 'ended');
    expect(result).toMatchObject({ end: 'died', bytes: 0 });
    expect(result?.lines.join()).toContain('No such file or directory');
    await recorder.stop();
    router.close();
  });
});

test.each(CODECS)(
  'a server that is killed leaves no ffmpeg, and a file that is whole (%s)',
  async (codec) => {
    const base = join(folder, `killed-${codec}`);
    const script = join(import.meta.dirname, '../helpers/recorder-process.ts');
    const server = spawn(process.execPath, [script, codec, base], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(server.stdout, 'data');
    const { file, pid, at } = JSON.parse(String(line));
    await sleep(2500);
    const killedAt = Date.now();
    server.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
    const checked = await check(file);
    expect(checked.errors).toEqual([]);
    expect(killedAt - at - checked.duration * 1000).toBeLessThan(1000);
  },
);

test('twenty recordings by two recorders leave nothing behind', async (context) => {
  const router = await worker.createRouter(ROUTER_OPTIONS);
  const publisher = await publish(context, router, { video: { codec: 'H264' } });
  const { producers } = publisher;
  const once2 = async (wait: boolean) => {
    const recorder = await Recorder.create({ router, producers, file: name(), logger });
    if (wait) await once(recorder, 'started');
    return recorder.stop();
  };
  const cycle = (wait: boolean) => Promise.all([once2(wait), once2(wait)]);
  await cycle(true);
  await sleep(500);
  const before = held();
  for (let i = 0; i < 10; i++) await cycle(i % 4 === 0);
  await expect.poll(held, { timeout: 3000 }).toEqual(before);
  const dump = await router.dump();
  expect(dump.transportIds).toHaveLength(2);
  router.close();
});

/** Descriptors of this process and of its worker, and its children. */
function held(): { descriptors: number; worker: number; children: number } {
  const list = execFileSync('ps', ['-o', 'comm=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  return {
    descriptors: readdirSync(`/proc/${process.pid}/fd`).length,
    worker: readdirSync(`/proc/${worker.pid}/fd`).length,
    children: list.split('\n').filter((line) => line === 'ffmpeg').length,
  };
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
