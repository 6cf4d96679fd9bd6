import { expect, test } from 'vitest';
import { BitrateGuard } from '../../../server/streams/bitrate-guard.ts';

/** What is said at looks of so many bit/s, every two seconds. */
function looks(...bitrates: number[]): string[] {
  const guard = new BitrateGuard(1000);
  return bitrates.map((bitrate, index) => guard.look(bitrate, index * 2000));
}

test('above the limit: told after 5 s, ended after 10 s', () => {
  const over = Array.from({ length: 7 }, () => 1001);
  expect(looks(...over)).toEqual(['fine', 'fine', 'fine', 'tell', 'fine', 'end', 'end']);
});

test('at the limit, or above it now and then, is fine', () => {
  expect(new Set(looks(...Array.from({ length: 50 }, () => 1000)))).toEqual(new Set(['fine']));
  expect(new Set(looks(...Array.from({ length: 50 }, (_, index) => (index % 3 ? 9999 : 0))))).toEqual(
    new Set(['fine']),
  );
});

test('whoever was told and lowered the bitrate is told again the next time', () => {
  expect(looks(9e9, 9e9, 9e9, 9e9, 1, 9e9, 9e9, 9e9, 9e9, 9e9)).toEqual([
    ...['fine', 'fine', 'fine', 'tell', 'fine'],
    ...['fine', 'fine', 'fine', 'tell', 'fine'],
  ]);
});

test('looks that are far apart: told first all the same', () => {
  const guard = new BitrateGuard(1000);
  expect([0, 20_000, 40_000].map((now) => guard.look(2000, now))).toEqual(['fine', 'tell', 'end']);
});
