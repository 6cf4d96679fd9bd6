import type { types } from 'mediasoup-client';
import { expect, test } from 'vitest';
import { chooseCodec, maxBitrateFor } from '../../../web/lib/codecs.ts';

const h264 = (profile: string, mode: number): types.RtpCodecCapability => ({
  kind: 'video',
  mimeType: 'video/H264',
  preferredPayloadType: 100,
  clockRate: 90000,
  parameters: { 'profile-level-id': profile, 'packetization-mode': mode },
});
const vp8: types.RtpCodecCapability = {
  kind: 'video',
  mimeType: 'video/VP8',
  preferredPayloadType: 96,
  clockRate: 90000,
};

test('the codec that was asked for', () => {
  expect(chooseCodec({ codecs: [h264('42e01f', 1), vp8] }, 'VP8')).toBe(vp8);
});

test('of H.264: constrained baseline in packetization mode 1', () => {
  const best = h264('42e01f', 1);
  const codecs = [h264('640034', 1), h264('42001f', 1), h264('42e01f', 0), best, vp8];
  expect(chooseCodec({ codecs }, 'H264')).toBe(best);
});

test('another H.264 profile rather than none', () => {
  const high = h264('640034', 1);
  expect(chooseCodec({ codecs: [vp8, high] }, 'H264')).toBe(high);
});

test('none in common', () => {
  expect(() => chooseCodec({ codecs: [vp8] }, 'H264')).toThrowError(
    expect.objectContaining({ code: 'unsupported_codec' }),
  );
});

test('more pixels, more bits', () => {
  const bitrates = [360, 480, 720, 1080].map(maxBitrateFor);
  expect(bitrates).toEqual([...bitrates].sort((a, b) => a - b));
  expect(new Set(bitrates).size).toBe(4);
});
