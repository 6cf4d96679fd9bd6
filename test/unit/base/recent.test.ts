import { describe, expect, test } from 'vitest';
import { RecentCount, RecentValues } from '../../../server/base/recent.ts';

describe('recent values', () => {
  test('percentiles of those that came since', () => {
    const values = new RecentValues();
    for (let value = 1; value <= 100; value++) values.add(value, value);
    expect(values.percentiles(0)).toEqual({ count: 100, p50: 50, p95: 95 });
    expect(values.percentiles(100)).toEqual({ count: 1, p50: 100, p95: 100 });
    expect(values.percentiles(101)).toBeUndefined();
  });

  test('no more are kept than twice as many as wanted', () => {
    const values = new RecentValues(10);
    for (let value = 0; value < 1000; value++) values.add(value, value);
    const { count = 0, p95 = 0 } = values.percentiles(0) ?? {};
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThan(20);
    expect(p95).toBeGreaterThan(980);
  });
});

test('a recent count forgets what is longer ago', () => {
  const count = new RecentCount(10_000);
  for (let at = 0; at < 60_000; at += 1000) count.add(at);
  expect(count.count(59_999)).toBe(10);
  expect(count.count(64_999)).toBe(5);
  expect(count.count(80_000)).toBe(0);
});
