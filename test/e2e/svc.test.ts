/** VP9, whose sizes come in one stream (SVC), and AV1, in Chromium, whose viewers are on another worker than the publisher. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../server/base/logger.ts';
import { nextKeyFrame } from '../../workers/ffmpeg/key-frame.ts';
import { Recorder } from '../../workers/ffmpeg/record/recorder.ts';
import { still } from '../../workers/ffmpeg/still.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { type Here, startHere } from '../helpers/here.ts';
import { jpegSize } from '../helpers/jpeg.ts';
import { openLib, shownHeight } from '../helpers/lib-page.ts';
import { check } from '../helpers/recorder-check.ts';

let here: Here;
let browser: Browser;
const folder = mkdtempSync(join(tmpdir(), 'pharos-svc-'));
beforeAll(async () => {
  here = await startHere({ PHAROS_MEDIA_VIDEO_CODECS: 'VP8,H264,VP9,AV1' });
  here.spread();
  browser = await launchBrowser(['--autoplay-policy=no-user-gesture-required']);
});
afterAll(async () => {
  await browser?.close();
  await here?.stop();
  rmSync(folder, { recursive: true });
});

/** A machine that is busy sends few frames, and an estimate grows slowly on it. */
const PATIENCE = { timeout: 45_000 };

async function publish(codec: 'VP9' | 'AV1', height: number): Promise<Page> {
  const page = await openLib(browser, here.url);
  await page.evaluate(
    ([stream, height]) =>
      window.lib.publish(
        { stream, video: { codec: stream, height, frameRate: 15, maxBitrate: 1_800_000 } },
        { picture: { width: (height * 16) / 9, height, frameRate: 10 }, tones: [440, 880] },
      ),
    [codec, height] as const,
  );
  return page;
}

async function watch(stream: string): Promise<Page> {
  const page = await openLib(browser, here.url);
  await page.evaluate((id) => void window.lib.watch(id), stream);
  return page;
}

const prefer = (page: Page, spatialLayer?: number) =>
  page.evaluate((layer) => window.viewer?.prefer({ video: true, spatialLayer: layer }), spatialLayer);
const layers = (page: Page) => page.evaluate(() => window.viewer?.layers);
const shows = (page: Page, height: number) => expect.poll(() => shownHeight(page), PATIENCE).toBe(height);

/** What the server has of the stream while `during` goes on: a recording, and a poster. */
async function kept(stream: string, during: () => Promise<unknown>) {
  const publisher = here.registry.publisherOf(stream);
  const [video] = publisher?.producers.filter(({ kind }) => kind === 'video') ?? [];
  if (!publisher || !video) throw new Error('no picture is published');
  const recorder = await Recorder.create({
    file: (format) => join(folder, `${stream}.${format}`),
    router: publisher.home.router,
    producers: publisher.producers,
    logger: createLogger({ level: 'silent', format: 'json' }),
  });
  const signal = AbortSignal.timeout(PATIENCE.timeout);
  const frame = await nextKeyFrame({ router: publisher.home.router, producer: video, signal });
  const poster = jpegSize(await still(frame, signal));
  await during();
  const part = await recorder.stop();
  if (!part?.video) throw new Error('nothing was recorded');
  return { type: video.type, part, video: part.video, checked: await check(part.file), poster };
}

test('AV1: one size, through a pipe, recorded, as a poster', async () => {
  const publisher = await publish('AV1', 360);
  const viewer = await watch('AV1');
  await shows(viewer, 360);
  expect(here.pool.snapshot().workers.map(({ pipes }) => pipes)).toEqual([1, 1]);
  expect(await layers(viewer)).toBeUndefined();
  const frames = (page: Page) => page.evaluate(() => window.seen?.frames.length ?? 0);
  const before = await frames(viewer);
  const { type, part, video, checked, poster } = await kept('AV1', () =>
    expect.poll(() => frames(viewer), PATIENCE).toBeGreaterThan(before + 30),
  );
  console.log(`AV1: ${video.frames} frames in ${Math.round(part.duration)} ms`);
  expect(type).toBe('svc');
  expect(part).toMatchObject({ format: 'webm', end: 'finished' });
  expect(checked).toMatchObject({ errors: [], frames: video.frames, sizes: ['640x360'] });
  expect(poster).toEqual({ width: 640, height: 360 });
  for (const page of [viewer, publisher]) await page.context().close();
}, 180_000);

test('VP9: two viewers with a size each at the same time, and back; as recorded, each picture is one', async () => {
  const publisher = await publish('VP9', 720);
  const [first, second] = [await watch('VP9'), await watch('VP9')];
  for (const viewer of [first, second]) await shows(viewer, 720);
  expect(await layers(first)).toEqual({ scales: [4, 2, 1], current: 2 });
  const { type, part, video, checked, poster } = await kept('VP9', async () => {
    await Promise.all([prefer(first, 0), prefer(second, 1)]);
    await Promise.all([shows(first, 180), shows(second, 360)]);
    await expect.poll(() => layers(first), PATIENCE).toEqual({ scales: [4, 2, 1], current: 0 });
    await expect.poll(() => layers(second), PATIENCE).toEqual({ scales: [4, 2, 1], current: 1 });
    await Promise.all([prefer(first), prefer(second)]);
    await Promise.all([shows(first, 720), shows(second, 720)]);
  });
  const whep = await openLib(browser, here.url);
  await whep.evaluate((url) => window.lib.whep(url), `${here.url}/whep/VP9`);
  await shows(whep, 720);

  console.log(`VP9: ${video.frames} frames in ${Math.round(part.duration)} ms, ${checked.sizes.join(', ')}`);
  expect(type).toBe('svc');
  expect(part).toMatchObject({ format: 'webm', end: 'finished' });
  // Of a key frame's three sizes no more than one is shown.
  expect(checked).toMatchObject({ errors: [], frames: video.frames });
  expect(checked.sizes).toContain('1280x720');
  expect(poster).toEqual({ width: 640, height: 360 });
  for (const page of [first, second, whep, publisher]) await page.context().close();
}, 240_000);
