import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KeyFrameRequests } from '../../../server/streams/key-frame-requests.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** With an encoder that is told of each repetition, as mediasoup's trace tells. */
function start() {
  const repeats: number[] = [];
  const begun = performance.now();
  const requests: KeyFrameRequests = new KeyFrameRequests(() => {
    repeats.push(performance.now() - begun);
    requests.requested();
  });
  return { requests, repeats };
}

test('a request without answer is repeated each second until a key frame comes', () => {
  const { requests, repeats } = start();
  requests.requested();
  vi.advanceTimersByTime(3500);
  expect(repeats).toEqual([1000, 2000, 3000]);
  requests.answered();
  vi.advanceTimersByTime(60_000);
  expect(repeats).toHaveLength(3);
});

test('an answered request is not repeated; the next one is, from its own time on', () => {
  const { requests, repeats } = start();
  requests.requested();
  vi.advanceTimersByTime(400);
  requests.answered();
  vi.advanceTimersByTime(400);
  requests.requested();
  vi.advanceTimersByTime(1000);
  expect(repeats).toEqual([1800]);
});

test('it gives up after 30 s, also where mediasoup repeats a last one; a later viewer begins anew', () => {
  const { requests, repeats } = start();
  requests.requested();
  vi.advanceTimersByTime(31_000);
  expect(repeats.at(-1)).toBe(29_000);
  requests.requested();
  vi.advanceTimersByTime(30_000);
  expect(repeats).toHaveLength(29);
  requests.requested();
  vi.advanceTimersByTime(1000);
  expect(repeats).toHaveLength(30);
});

test('closed, it repeats nothing', () => {
  const { requests, repeats } = start();
  requests.requested();
  requests.close();
  vi.advanceTimersByTime(5000);
  expect(repeats).toEqual([]);
});
