import { expect, test } from 'vitest';
import { DecoderCap } from '../../../web/lib/decoder-cap.ts';

/** Looks every two seconds at a decoder that can do layers up to `able`, of three. */
function watching(cap: DecoderCap) {
  let now = 0;
  return (seconds: number, able: number) => {
    const changes: [second: number, cap: number | undefined][] = [];
    for (const end = now + seconds * 1000; now < end; now += 2000) {
      const current = cap.value ?? 2;
      if (cap.look({ slow: current > able, current, top: 2 }, now)) changes.push([now / 1000, cap.value]);
    }
    return changes;
  };
}

test('one layer less when it is slow for some looks, until it can', () => {
  const watch = watching(new DecoderCap());
  expect(watch(20, 0)).toEqual([
    [4, 1],
    [10, 0],
  ]);
});

test('a larger one is tried again after a minute, and when that was too much, after two', () => {
  const watch = watching(new DecoderCap());
  const changes = watch(300, 1);
  expect(changes).toEqual([
    [4, 1],
    [64, undefined],
    [70, 1],
    [190, undefined],
    [196, 1],
  ]);
});

test('who was slow once has all again', () => {
  const cap = new DecoderCap();
  const watch = watching(cap);
  watch(20, 0);
  watch(200, 2);
  expect(cap.value).toBeUndefined();
});

test('the smallest is not made smaller, and nothing where none comes', () => {
  const cap = new DecoderCap();
  const slow = (current: number | null) =>
    [0, 2000, 4000, 6000].map((now) => cap.look({ slow: true, current, top: 2 }, now));
  expect([...slow(0), ...slow(null)]).not.toContain(true);
});
