import { describe, expect, test } from 'vitest';
import { drawnHeight, heightsOf, layerFor, reasonFor } from '../../../../web/player/layers.ts';

const HD = [180, 360, 720];

describe('the heights of all layers, from what is seen of one', () => {
  test.each([
    [[4, 2, 1], 2, 720, [180, 360, 720]],
    [[4, 2, 1], 0, 180, [180, 360, 720]],
    [[4, 2, 1], 1, 540, [270, 540, 1080]],
    [[1], 0, 480, [480]],
  ])('%j, layer %i is %ip', (scales, current, height, heights) => {
    expect(heightsOf(scales, current, height)).toEqual(heights);
  });

  test('without a picture nothing is known', () => {
    expect(heightsOf([4, 2, 1], null, 720)).toBeUndefined();
    expect(heightsOf([4, 2, 1], 1, 0)).toBeUndefined();
    expect(heightsOf([4, 2, 1], 5, 720)).toBeUndefined();
  });
});

describe('the smallest layer that fills the window', () => {
  test.each([
    [100, 0],
    [180, 0],
    [200, 1],
    [360, 1],
    [500, 2],
    [720, 2],
    [2000, 2],
  ])('%i pixels of height', (needed, layer) => {
    expect(layerFor(HD, needed, 0)).toBe(layer);
    expect(layerFor(HD, needed, 2)).toBe(layer);
  });

  test('at the border between two it stays what it is', () => {
    const needed = 370;
    expect(layerFor(HD, needed, 1)).toBe(1);
    expect(layerFor(HD, needed, 2)).toBe(2);
  });

  test('dragged through all sizes and back, it changes once at each border', () => {
    const sizes = Array.from({ length: 800 }, (_, index) => index + 1);
    let layer = 0;
    let changes = 0;
    for (const needed of [...sizes, ...sizes.toReversed()]) {
      for (const wobble of [0, 3, -3]) {
        const next = layerFor(HD, needed + wobble, layer);
        if (next !== layer) changes += 1;
        layer = next;
      }
    }
    expect(changes).toBe(4);
  });
});

test('a picture is drawn whole: bars at the sides, or above and below', () => {
  const wide = { width: 1280, height: 720 };
  expect(drawnHeight({ width: 1280, height: 600 }, wide)).toBe(600);
  expect(drawnHeight({ width: 375, height: 812 }, wide)).toBeCloseTo(210.9, 1);
  expect(drawnHeight({ width: 400, height: 300 }, { width: 0, height: 0 })).toBe(300);
});

describe('why not more', () => {
  const all = { wish: 'auto', current: 2, count: 3, window: 2, decoder: 2, publisherLimited: false } as const;
  test.each([
    [{}, undefined],
    [{ current: 1 }, 'connection'],
    [{ current: 1, publisherLimited: true }, 'publisher'],
    [{ current: 1, window: 1 }, 'window'],
    [{ current: 1, decoder: 1 }, 'decoder'],
    [{ current: 0, window: 1 }, 'connection'],
    [{ wish: 1, current: 1, window: 0 }, undefined],
    [{ wish: 2, current: 1 }, 'connection'],
    [{ wish: 0, current: 0 }, undefined],
  ] as const)('%j: %s', (circumstances, reason) => {
    expect(reasonFor({ ...all, ...circumstances })).toBe(reason);
  });
});
