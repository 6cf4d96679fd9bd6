/** Workers that die: real processes, really killed. */
import { once } from 'node:events';
import * as mediasoup from 'mediasoup';
import { afterEach, expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { createLogger } from '../../server/base/logger.ts';
import { type MediaWorker, WorkerPool } from '../../workers/media/pool.ts';
import { freePorts } from '../helpers/server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function createPool(workers: number): Promise<WorkerPool> {
  const { media } = configSchema.parse({
    media: { workers, portBase: await freePorts(workers), listenAddresses: ['127.0.0.1'] },
  });
  const pool = await WorkerPool.create({ media, logger: createLogger({ level: 'silent', format: 'json' }) });
  closers.push(() => pool.close());
  return pool;
}

/** Kills the worker; resolves with the one in its place, and how long it was missing, in ms. */
async function killed(pool: WorkerPool, { pid }: MediaWorker): Promise<{ worker: MediaWorker; ms: number }> {
  const up = once(pool, 'worker');
  const at = performance.now();
  process.kill(pid, 'SIGKILL');
  const [worker] = await up;
  return { worker, ms: performance.now() - at };
}

test('workers that die are replaced, each later than the last; three within a minute are told of', async () => {
  const pool = await createPool(2);
  const [first, other] = pool.workers;
  if (!first || !other) throw new Error('no workers');
  const missing: number[] = [];
  let worker = first;
  for (let death = 0; death < 3; death++) {
    expect(pool.trouble).toBeUndefined();
    const next = await killed(pool, worker);
    expect(next.worker).toMatchObject({ index: first.index });
    missing.push(next.ms);
    worker = next.worker;
  }
  console.log(`missing for ${missing.map(Math.round).join(', ')} ms`);
  for (const [index, least] of [250, 500, 1000].entries())
    expect(missing[index]).toBeGreaterThanOrEqual(least - 5);
  expect(pool.alive).toBe(2);
  expect(pool.workers).toContain(other);
  expect(pool.trouble).toMatch(/3 or more media workers died within 60 s/);
  expect(pool.snapshot().deaths).toBe(3);
});

test('one that dies at once at each start is tried again, ever later, and each death counts', async () => {
  const pool = await createPool(1);
  const starts: number[] = [];
  const kill = ({ pid }: { pid: number }) => {
    starts.push(performance.now());
    process.kill(pid, 'SIGKILL');
  };
  mediasoup.observer.on('newworker', kill);
  closers.push(() => mediasoup.observer.off('newworker', kill));
  const [worker] = pool.workers;
  if (!worker) throw new Error('no worker');
  process.kill(worker.pid, 'SIGKILL');
  await expect.poll(() => pool.snapshot().deaths, { timeout: 20_000 }).toBeGreaterThanOrEqual(4);
  expect(pool.alive).toBe(0);
  expect(pool.trouble).toBe('0 of 1 media workers alive');
  const between = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
  console.log(`tried again after ${between.map(Math.round).join(', ')} ms`);
  for (const [index, ms] of between.entries()) expect(ms).toBeGreaterThanOrEqual(500 * 2 ** index - 5);
  mediasoup.observer.off('newworker', kill);
  await once(pool, 'worker');
  expect(pool.alive).toBe(1);
  expect(pool.trouble).toMatch(/media workers died within/);
});

test('mediasoup has no say in when workers are closed: no listener of its own for signals', async () => {
  const before = ['SIGINT', 'SIGTERM'].map((signal) => process.listenerCount(signal));
  await createPool(2);
  expect(['SIGINT', 'SIGTERM'].map((signal) => process.listenerCount(signal))).toEqual(before);
});
