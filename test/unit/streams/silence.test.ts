import { expect, test } from 'vitest';
import { Silence } from '../../../server/streams/silence.ts';

/** What is said at looks of so many bit/s, every two seconds. */
function looks(...bitrates: number[]): (boolean | undefined)[] {
  const silence = new Silence();
  return bitrates.map((bitrate, index) => silence.listen(bitrate, index * 2000));
}

test('silent once nothing has come for 3 s, told once; heard again, told once', () => {
  const none = undefined;
  expect(looks(1, 0, 0, 0, 5, 5, 0, 0)).toEqual([none, none, true, none, false, none, none, true]);
});

test('one that has yet to begin is not silent', () => {
  expect(new Set(looks(0, 0, 0, 0, 0))).toEqual(new Set([undefined]));
});
