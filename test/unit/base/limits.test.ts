import { describe, expect, test } from 'vitest';
import { addressKey, KeyedCounter, KeyedLimiter, TokenBucket } from '../../../server/base/limits.ts';

function takeAll(take: () => boolean): number {
  let taken = 0;
  while (taken < 1000 && take()) taken++;
  return taken;
}

describe('TokenBucket', () => {
  test('lets a burst through, then as much as flows in', () => {
    const bucket = new TokenBucket({ rate: 10, burst: 5, now: 0 });
    expect(takeAll(() => bucket.take(0))).toBe(5);
    expect(bucket.take(99)).toBe(false);
    expect(bucket.take(100)).toBe(true);
    expect(takeAll(() => bucket.take(400))).toBe(3);
  });

  test('never holds more than the burst', () => {
    const bucket = new TokenBucket({ rate: 10, burst: 5, now: 0 });
    expect(takeAll(() => bucket.take(1e9))).toBe(5);
  });

  test('a clock that steps back neither gives nor takes', () => {
    const bucket = new TokenBucket({ rate: 1, burst: 2, now: 1000 });
    expect(takeAll(() => bucket.take(1000))).toBe(2);
    expect(bucket.take(0)).toBe(false);
    expect(bucket.take(1999)).toBe(false);
    expect(bucket.take(2000)).toBe(true);
  });

  test('many small steps add up to the rate', () => {
    const bucket = new TokenBucket({ rate: 20, burst: 60, now: 0 });
    let taken = 0;
    for (let now = 0; now <= 10_000; now++) if (bucket.take(now)) taken++;
    expect(taken).toBeGreaterThanOrEqual(259);
    expect(taken).toBeLessThanOrEqual(260);
  });
});

describe('KeyedLimiter', () => {
  test('each key has its own bucket', () => {
    const limiter = new KeyedLimiter({ rate: 1, burst: 2 });
    expect(takeAll(() => limiter.take('a', 0))).toBe(2);
    expect(limiter.take('b', 0)).toBe(true);
    expect(limiter.take('a', 1000)).toBe(true);
  });

  test('idle keys are dropped as others are used', () => {
    const limiter = new KeyedLimiter({ rate: 1, burst: 2 });
    for (let i = 0; i < 100; i++) limiter.take(`old-${i}`, 0);
    expect(limiter.size).toBe(100);
    for (let i = 0; i < 100; i++) limiter.take('new', 10_000 + i * 1000);
    expect(limiter.size).toBe(1);
  });

  test('a flood of keys stays bounded, and does not forget who is at it', () => {
    const limiter = new KeyedLimiter({ rate: 0.001, burst: 2, maxKeys: 50 });
    takeAll(() => limiter.take('greedy', 0));
    for (let i = 0; i < 10_000; i++) {
      limiter.take(`key-${i}`, 0);
      expect(limiter.take('greedy', 0)).toBe(false);
      expect(limiter.size).toBeLessThanOrEqual(50);
    }
  });
});

describe('KeyedCounter', () => {
  test('refuses more than the maximum until one is released', () => {
    const counter = new KeyedCounter(2);
    const release = counter.acquire('a');
    expect(counter.acquire('a')).toBeDefined();
    expect(counter.acquire('a')).toBeUndefined();
    expect(counter.acquire('b')).toBeDefined();
    release?.();
    expect(counter.count('a')).toBe(1);
    expect(counter.acquire('a')).toBeDefined();
  });

  test('releasing twice counts once, and nothing is kept of a key with nothing open', () => {
    const counter = new KeyedCounter(10);
    const releases = [counter.acquire('a'), counter.acquire('a')];
    releases[0]?.();
    releases[0]?.();
    expect(counter.count('a')).toBe(1);
    releases[1]?.();
    expect(counter.count('a')).toBe(0);
    expect(counter.size).toBe(0);
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:2::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
  ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
  ['not an address', 'not an address'],
])('addressKey(%s) is %s', (ip, key) => {
  expect(addressKey(ip)).toBe(key);
});
