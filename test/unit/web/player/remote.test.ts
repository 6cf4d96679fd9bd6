import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { command } from '../../../../web/player/remote.ts';

const isCommand = (value: unknown) => z.safeParse(command, value).success;

describe('what a page around the player may say', () => {
  test.each([
    { type: 'play' },
    { type: 'pause' },
    { type: 'stop' },
    { type: 'mute' },
    { type: 'unmute' },
    { type: 'setVolume', volume: 0.5 },
    { type: 'setQuality', quality: 'auto' },
    { type: 'setQuality', quality: 'audio' },
    { type: 'setQuality', quality: 360 },
    { type: 'getState' },
  ])('%j', (value) => {
    expect(isCommand(value)).toBe(true);
  });

  test.each([
    undefined,
    'play',
    {},
    { type: 'eval', code: '1' },
    { type: 'play', extra: 1 },
    { type: 'setVolume' },
    { type: 'setVolume', volume: 2 },
    { type: 'setVolume', volume: Number.NaN },
    { type: 'setQuality', quality: 'best' },
    { type: 'setQuality', quality: 0 },
    { type: 'setQuality', quality: 1e9 },
  ])('%j is nothing', (value) => {
    expect(isCommand(value)).toBe(false);
  });
});
