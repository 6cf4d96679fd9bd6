import { expect, test } from 'vitest';
import { Deaths } from '../../../workers/media/deaths.ts';
import { restartDelay } from '../../../workers/media/pool.ts';

test('three deaths within a minute are too many, until the first of them is a minute ago', () => {
  const deaths = new Deaths();
  deaths.add(0);
  deaths.add(10_000);
  expect(deaths.tooMany(10_000)).toBeUndefined();
  deaths.add(59_999);
  expect(deaths.tooMany(59_999)).toBe('3 or more media workers died within 60 s; the log says how');
  expect(deaths.tooMany(60_000)).toBeUndefined();
  deaths.add(61_000);
  expect(deaths.tooMany(61_000)).toBeTruthy();
  expect(deaths.tooMany(121_000)).toBeUndefined();
  expect(deaths.count).toBe(4);
});

test('deaths with long pauses between never are', () => {
  const deaths = new Deaths();
  for (let minute = 0; minute < 100; minute++) {
    deaths.add(minute * 60_000);
    expect(deaths.tooMany(minute * 60_000)).toBeUndefined();
  }
});

test('the next worker comes the later, the more have failed', () => {
  const delays = Array.from({ length: 10 }, (_, failures) => restartDelay(failures));
  expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(restartDelay(5000)).toBe(30_000);
});
