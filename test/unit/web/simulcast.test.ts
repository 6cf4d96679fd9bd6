import { describe, expect, test } from 'vitest';
import { maxBitrateFor } from '../../../web/lib/codecs.ts';
import { encodingsFor, resized, type VideoSettings } from '../../../web/lib/simulcast.ts';

const LIMITS = { videoBitrate: { start: 2_500_000, max: 6_000_000 }, simulcast: true };
const size = (height: number) => ({ width: Math.round((height * 16) / 9), height });
const settings = (height: number, more: Partial<VideoSettings> = {}): VideoSettings => ({
  codec: 'VP8',
  height,
  frameRate: 30,
  maxBitrate: maxBitrateFor(height),
  ...more,
});
const scales = (encodings: RTCRtpEncodingParameters[]) =>
  encodings.map(({ scaleResolutionDownBy }) => scaleResolutionDownBy);

test.each([
  [1080, [4, 2, 1]],
  [720, [4, 2, 1]],
  [540, [2, 1]],
  [480, [2, 1]],
  [360, [1]],
  [240, [1]],
])('of %i lines', (height, expected) => {
  expect(scales(encodingsFor(size(height), settings(height), LIMITS))).toEqual(expected);
});

test('the shorter side counts, and a track that does not say its size gives what was chosen', () => {
  expect(scales(encodingsFor({ width: 720, height: 1280 }, settings(720), LIMITS))).toEqual([4, 2, 1]);
  expect(scales(encodingsFor({}, settings(480), LIMITS))).toEqual([2, 1]);
});

test('a camera that gives more than was chosen is scaled down, one that gives less is taken as it is', () => {
  expect(scales(encodingsFor(size(1080), settings(720), LIMITS))).toEqual([6, 3, 1.5]);
  expect(scales(encodingsFor(size(480), settings(720), LIMITS))).toEqual([2, 1]);
  const [small] = encodingsFor(size(360), settings(720), LIMITS);
  expect(small?.maxBitrate).toBe(maxBitrateFor(360));
});

test.each([480, 720, 1080])(
  'bitrates of %i lines: the largest gets what was chosen, all no more than 1.35 of it',
  (height) => {
    const bitrates = encodingsFor(size(height), settings(height), LIMITS).map(
      ({ maxBitrate = 0 }) => maxBitrate,
    );
    expect(bitrates).toEqual(bitrates.toSorted((a, b) => a - b));
    expect(bitrates.at(-1)).toBe(maxBitrateFor(height));
    expect(bitrates[0]).toBeGreaterThanOrEqual(100_000);
    // What the server counts on (server/streams/bitrates.ts).
    expect(bitrates.reduce((sum, bitrate) => sum + bitrate, 0)).toBeLessThanOrEqual(
      1.35 * maxBitrateFor(height),
    );
  },
);

test('the server’s limit holds, and what is too little for several sizes goes to one', () => {
  const narrow = { ...LIMITS, videoBitrate: { start: 300_000, max: 300_000 } };
  const encodings = encodingsFor(size(720), settings(720), narrow);
  expect(encodings.map(({ maxBitrate }) => maxBitrate)).toEqual([300_000]);
});

test('one size where server or publisher wants it so; modes only with several', () => {
  const one = { maxBitrate: maxBitrateFor(720), maxFramerate: 30, scaleResolutionDownBy: 1 };
  expect(encodingsFor(size(720), settings(720), { ...LIMITS, simulcast: false })).toEqual([one]);
  expect(encodingsFor(size(720), settings(720, { simulcast: false }), LIMITS)).toEqual([one]);
  for (const [codec, scalabilityMode] of [
    ['VP8', 'L1T2'],
    ['H264', 'L1T1'],
  ] as const) {
    const mode = { scalabilityMode };
    expect(encodingsFor(size(720), settings(720, { codec }), LIMITS)).toMatchObject([mode, mode, mode]);
  }
});

test.each([
  ['larger', size(1080), [6, 3, 1.5]],
  ['the same', size(720), [4, 2, 1]],
  ['too small for three', size(480), [2, 1, undefined]],
  ['too small for several', size(360), [undefined, undefined, 1]],
])('another track, %s: the encodings stay, and some may rest', (_name, other, expected) => {
  const encodings = encodingsFor(size(720), settings(720), LIMITS).map((each, index) => ({
    ...each,
    rid: `r${index}`,
  }));
  const changed = resized(encodings, other, settings(720), LIMITS);
  expect(changed.map(({ rid }) => rid)).toEqual(['r0', 'r1', 'r2']);
  expect(
    changed.map(({ active, scaleResolutionDownBy }) => (active ? scaleResolutionDownBy : undefined)),
  ).toEqual(expected);
  // And back.
  expect(scales(resized(changed, size(720), settings(720), LIMITS))).toEqual([4, 2, 1]);
});

test('a single size takes any track', () => {
  const encodings = encodingsFor(size(360), settings(720), LIMITS);
  const [one, ...others] = resized(encodings, size(1080), settings(720), LIMITS);
  expect(others).toEqual([]);
  expect(one).toMatchObject({ active: true, scaleResolutionDownBy: 1.5, maxBitrate: maxBitrateFor(720) });
});

describe('in one stream (SVC)', () => {
  const svc = (codec: 'VP9' | 'AV1', height: number, more: Partial<VideoSettings> = {}, can = () => true) =>
    encodingsFor(size(height), settings(height, { codec, ...more }), LIMITS, can);

  test.each([
    ['VP9', 720, 'L3T2_KEY'],
    ['VP9', 480, 'L2T2_KEY'],
    ['VP9', 360, 'L1T2'],
    ['AV1', 720, 'L1T2'],
  ] as const)('%s of %i lines: %s', (codec, height, scalabilityMode) => {
    expect(svc(codec, height)).toMatchObject([{ scaleResolutionDownBy: 1, scalabilityMode }]);
  });

  test('VP9 has the bits of all its sizes, AV1 those of its one', () => {
    const sizes = encodingsFor(size(720), settings(720), LIMITS).map(({ maxBitrate = 0 }) => maxBitrate);
    expect(svc('VP9', 720)[0]?.maxBitrate).toBe(sizes.reduce((sum, bitrate) => sum + bitrate, 0));
    expect(svc('AV1', 720)[0]?.maxBitrate).toBe(maxBitrateFor(720));
  });

  test('one size alone where several are not wanted, or the browser has no such mode', () => {
    for (const encodings of [svc('VP9', 720, { simulcast: false }), svc('VP9', 720, {}, () => false)]) {
      expect(encodings).toEqual([
        { scaleResolutionDownBy: 1, maxBitrate: maxBitrateFor(720), maxFramerate: 30 },
      ]);
    }
  });
});
