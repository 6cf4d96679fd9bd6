import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { readSps } from '../../../server/base/h264-sps.ts';
import { findFfmpeg } from '../../../workers/ffmpeg/binary.ts';

const unit = (hex: string) => Buffer.from(hex, 'hex');

// As x264 writes them, for 320x240.
test.each([
  ['baseline', '6742c00dd90141fb011000000300100000030320f142a480', 66, 'no'],
  ['main with B-frames', '674d400deca0a0fd80880000030008000003019078a14cb0', 77, 'yes'],
  ['high without B-frames', '6764000dacb20283f60220000003002000000641e28549', 100, 'no'],
  ['high with scaling lists and B-frames', '6764000dacd94141fb011000000300100000030320f1429960', 100, 'yes'],
  [
    'high with a decoder model (HRD)',
    '6764000dacb20283f6022000000300200000064c04003d08000f425261803c50a920',
    100,
    'no',
  ],
  ['high of 10 bits', '676e000da6cb20283f6022000003000200000300641e285490', 110, 'no'],
])('%s', (_what, hex, profile, reordered) => {
  expect(readSps(unit(hex))).toEqual({ profile, width: 320, height: 240, reordered });
});

test('main without VUI says nothing of the order', () => {
  // High, with frame cropping and no VUI, as many cameras have it.
  expect(readSps(unit('674d001e9a6281e0089f9600'))?.reordered).toBe('unknown');
});

test.each([
  ['an empty unit', Buffer.alloc(0)],
  ['a cut one', unit('674d40')],
  ['all zeros', Buffer.concat([unit('674d400d'), Buffer.alloc(200)])],
])('%s is no parameter set', (_what, nalUnit) => {
  expect(readSps(nalUnit)).toBeUndefined();
});

test('whatever the bytes, it ends', () => {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >> 16;
  };
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(Array.from({ length: random() % 64 }, () => random() & 0xff));
    const profile = [66, 77, 100, 110, 244][random() % 5] ?? 66;
    readSps(Buffer.concat([Buffer.from([0x67, profile]), bytes]));
  }
});

const SPS = '6742c01ed9005005bbffc00040003c4f162e48';

describe('of a real encoder', () => {
  test.each([
    ['64x48', 'baseline', '', 'no'],
    ['640x360', 'baseline', '', 'no'],
    ['1920x1080', 'high', '-bf 0', 'no'],
    ['1918x1078', 'main', '-bf 2', 'yes'],
    ['720x480', 'high', '-bf 2 -flags +ildct+ilme -x264-params tff=1', 'yes'],
    ['1280x720', 'high', '-bf 0 -x264-params nal-hrd=cbr:cqm=jvt -b:v 1M -maxrate 1M -bufsize 1M', 'no'],
  ])('%s, %s %s', (picture, profile, more, reordered) => {
    const args = `-f lavfi -i color=size=${picture}:rate=30 -frames:v 3 -c:v libx264 -preset ultrafast -profile:v ${profile} ${more} -pix_fmt yuv420p`;
    const data = execFileSync(
      findFfmpeg(),
      ['-hide_banner', '-loglevel', 'error', ...args.split(' ').filter(Boolean), '-f', 'h264', '-'],
      { maxBuffer: 1 << 26 },
    );
    const start = data.indexOf(Buffer.from([0, 0, 1, 0x67])) + 3;
    const end = data.indexOf(Buffer.from([0, 0, 1]), start);
    const [width, height] = picture.split('x').map(Number);
    expect(readSps(data.subarray(start, end))).toMatchObject({ width, height, reordered });
  });

  test('that is cut short is none', () => {
    const whole = unit(SPS);
    for (let length = 0; length < 9; length++) expect(readSps(whole.subarray(0, length))).toBeUndefined();
    expect(readSps(unit('67640000000000000000'))).toBeUndefined();
  });
});
