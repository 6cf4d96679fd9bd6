import { expect, test } from 'vitest';
import { tellsKeyFrames, withKnownLayers } from '../../../workers/media/codecs.ts';

const DESCRIPTOR = {
  uri: 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
  id: 7,
} as const;
const published = (mimeType: 'video/AV1' | 'video/VP9', headerExtensions: (typeof DESCRIPTOR)[]) => ({
  codecs: [{ mimeType, payloadType: 100, clockRate: 90_000 }],
  headerExtensions,
  encodings: [{ ssrc: 1, scalabilityMode: 'L1T2' }],
});

test('layers of AV1 that nothing tells of are none', () => {
  expect(withKnownLayers(published('video/AV1', [])).encodings).toEqual([{ ssrc: 1 }]);
  expect(tellsKeyFrames(published('video/AV1', []))).toBe(false);
  for (const known of [published('video/AV1', [DESCRIPTOR]), published('video/VP9', [])]) {
    expect(withKnownLayers(known)).toEqual(known);
    expect(tellsKeyFrames(known)).toBe(true);
  }
});
