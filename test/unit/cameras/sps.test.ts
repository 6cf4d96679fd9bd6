import { expect, test } from 'vitest';
import { findSps } from '../../../server/cameras/sps.ts';

const unit = (hex: string) => Buffer.from(hex, 'hex');
const PPS = unit('68ce3880');

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
  expect(findSps([PPS, unit(hex)])).toEqual({ profile, reordered });
});

test('main without VUI says nothing of the order', () => {
  // High, with frame cropping and no VUI, as many cameras have it.
  expect(findSps([unit('674d001e9a6281e0089f9600')])?.reordered).toBe('unknown');
});

test.each([
  ['nothing', []],
  ['no SPS', [PPS]],
  ['an empty unit', [Buffer.alloc(0)]],
  ['a cut one', [unit('674d40')]],
  ['all zeros', [Buffer.concat([unit('674d400d'), Buffer.alloc(200)])]],
])('%s is no parameter set', (_what, units) => {
  expect(findSps(units)).toBeUndefined();
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
    findSps([Buffer.concat([Buffer.from([0x67, profile]), bytes])]);
  }
});
