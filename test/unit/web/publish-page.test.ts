import { expect, test } from 'vitest';
import { formatElapsed } from '../../../web/publish/elapsed.ts';
import { loudness } from '../../../web/publish/loudness.ts';
import { codecOf, resolutionOf, videoSettings } from '../../../web/publish/quality.ts';

test.each([
  [-5, '0:00'],
  [7_999, '0:07'],
  [754_000, '12:34'],
  [3_723_000, '1:02:03'],
])('%d ms elapsed: %s', (milliseconds, text) => {
  expect(formatElapsed(milliseconds)).toBe(text);
});

test('loudness: silence, a tone, full scale', () => {
  expect(loudness(new Float32Array(64))).toBe(0);
  expect(loudness(new Float32Array(64).fill(1))).toBe(1);
  expect(loudness(new Float32Array(64).fill(0.03))).toBeCloseTo(0.49, 1);
});

test('what was remembered may be nonsense', () => {
  expect(resolutionOf('4320').value).toBe('720');
  expect(resolutionOf(undefined).value).toBe('720');
  expect(codecOf('DivX')).toBe('VP8');
});

test('what is sent is what was chosen', () => {
  expect(videoSettings('H264', resolutionOf('1080'))).toMatchObject({ codec: 'H264', height: 1080 });
});
