import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Merged } from '../../../web/lib/merged.ts';

const GAP = 2000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('the first request is served at once, those in the next two seconds once, after them', async () => {
  const work = vi.fn(async () => {});
  const merged = new Merged(work, GAP);
  merged.request();
  expect(work).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(500);
  for (let n = 0; n < 5; n++) merged.request();
  await vi.advanceTimersByTimeAsync(GAP - 501);
  expect(work).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(work).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(10 * GAP);
  expect(work).toHaveBeenCalledTimes(2);
});

test('work that takes long is not done twice at the same time', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = vi.fn(() => promise);
  const merged = new Merged(work, GAP);
  merged.request();
  merged.request();
  await vi.advanceTimersByTimeAsync(10 * GAP);
  expect(work).toHaveBeenCalledTimes(1);
  resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(work).toHaveBeenCalledTimes(2);
});

test('work that fails does not keep the next from being done', async () => {
  const work = vi.fn(async () => {
    throw new Error('no network');
  });
  const merged = new Merged(work, GAP);
  merged.request();
  await vi.advanceTimersByTimeAsync(GAP);
  merged.request();
  expect(work).toHaveBeenCalledTimes(2);
});

test('closed, it does nothing more', async () => {
  const work = vi.fn(async () => {});
  const merged = new Merged(work, GAP);
  merged.request();
  merged.request();
  merged.close();
  merged.request();
  await vi.advanceTimersByTimeAsync(10 * GAP);
  expect(work).toHaveBeenCalledTimes(1);
});
