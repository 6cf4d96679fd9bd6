import { expect, test } from 'vitest';
import { Backoff } from '../../../server/cameras/backoff.ts';

function delays(random: number, count: number): number[] {
  const backoff = new Backoff({ firstMs: 1000, mostMs: 30_000, random: () => random });
  return Array.from({ length: count }, () => backoff.next());
}

test('delays double up to the limit, and lie between half of that and all', () => {
  expect(delays(1, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect(delays(0, 7)).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  expect(delays(0.5, 2000).at(-1)).toBe(22_500);
});

test('after a reset it begins anew', () => {
  const backoff = new Backoff({ firstMs: 1000, mostMs: 30_000, random: () => 1 });
  backoff.next();
  backoff.next();
  backoff.reset();
  expect(backoff.next()).toBe(1000);
});
