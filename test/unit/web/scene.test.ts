import { describe, expect, test } from 'vitest';
import { contain, cornerBox, sceneOf } from '../../../web/publish/scene.ts';

const HD = { width: 1280, height: 720 };

test.each([
  [
    { width: 640, height: 360 },
    { x: 0, y: 0, width: 1280, height: 720 },
  ],
  [
    { width: 640, height: 480 },
    { x: 160, y: 0, width: 960, height: 720 },
  ],
  [
    { width: 720, height: 1280 },
    { x: 437, y: 0, width: 405, height: 720 },
  ],
  [
    { width: 3440, height: 1440 },
    { x: 0, y: 92, width: 1280, height: 536 },
  ],
])('%j is shown whole and in the middle', (inner, box) => {
  expect(contain(inner, HD)).toEqual(box);
});

test.each([[{ width: 1280, height: 720 }], [{ width: 640, height: 480 }], [{ width: 720, height: 1280 }]])(
  'a camera of %j lies in the corner, in its own proportions',
  (camera) => {
    const { x, y, width, height } = cornerBox(camera, HD);
    expect(width / height).toBeCloseTo(camera.width / camera.height, 1);
    expect(x).toBeGreaterThan(HD.width / 2);
    expect(y).toBeGreaterThan(HD.height / 2);
    expect(x + width).toBe(HD.width - 32);
    expect(y + height).toBe(HD.height - 32);
  },
);

describe('what is shown', () => {
  // Told apart by identity only.
  const track = (label: string) => ({ label }) as MediaStreamTrack;
  const [camera, screen] = [track('camera'), track('screen')];
  const slate = { width: 1, height: 1 } as ImageBitmap;
  const given = { corner: true, camera, screen, slate, card: ['', ''] as const };

  test('the camera alone; screen and slate with it in the corner, or without', () => {
    expect(sceneOf({ ...given, picture: 'camera' })).toMatchObject({ main: camera, corner: undefined });
    expect(sceneOf({ ...given, picture: 'screen' })).toMatchObject({ main: screen, corner: camera });
    expect(sceneOf({ ...given, picture: 'slate' })).toMatchObject({ main: slate, corner: camera });
    const without = sceneOf({ ...given, picture: 'screen', corner: false });
    expect(without).toMatchObject({ main: screen, corner: undefined });
  });

  test('a screen that is gone gives way to the camera, and without one there is nothing', () => {
    expect(sceneOf({ ...given, picture: 'screen', screen: undefined }).main).toBe(camera);
    const nothing = sceneOf({ ...given, picture: 'screen', screen: undefined, camera: undefined });
    expect(nothing).toMatchObject({ main: undefined, corner: undefined });
  });
});
