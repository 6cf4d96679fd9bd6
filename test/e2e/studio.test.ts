/** The publisher's studio: sources changed live, under the eyes of a viewer who stays. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFfmpeg } from '../../tools/lib/ffmpeg.ts';
import { framesAdvance, launchBrowser, openWatch, publish, received, status } from '../helpers/browser.ts';
import { colourAt } from '../helpers/colour.ts';
import { madeOnce } from '../helpers/made-once.ts';
import { media } from '../helpers/media.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { watchClosely } from '../helpers/watched.ts';

let server: TestServer;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  server = await startServer();
  // A camera that is red all over: told apart from the fake screen, which is green.
  const camera = await madeOnce('camera-red.mjpeg', (path) =>
    promisify(execFile)(findFfmpeg(), [
      ...['-f', 'lavfi', '-i', 'color=red:size=1280x720:rate=30:duration=1', '-c:v', 'mjpeg', path],
    ]),
  );
  browser = await launchBrowser([`--use-file-for-fake-video-capture=${camera}`]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
});
afterEach(() => context.close());

const SOON = { timeout: 20_000 };
const MIDDLE = [0.5, 0.5] as const;
const CORNER = [0.88, 0.88] as const;

/** An image of one colour, as somebody would choose it from disk. */
async function image(
  page: Page,
  colour: string,
): Promise<{ name: string; mimeType: string; buffer: Buffer }> {
  const url = await page.evaluate((fill) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no context');
    context.fillStyle = fill;
    context.fillRect(0, 0, 640, 360);
    return canvas.toDataURL('image/png');
  }, colour);
  const buffer = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  return { name: `${colour}.png`, mimeType: 'image/png', buffer };
}

test('camera, screen, slate, camera: a viewer sees each, by the connection that it began with', async () => {
  const { page, link } = await publish(context, server.url, { resolution: '360' });
  const viewer = await watchClosely(browser, link);
  const sees = (colour: string, [x, y]: readonly [number, number]) =>
    expect.poll(() => colourAt(viewer.page, x, y), SOON).toBe(colour);
  await sees('red', MIDDLE);
  await viewer.reset();

  await page.click('#share-screen');
  await page.waitForSelector('#sign-screen');
  await sees('green', MIDDLE);
  await sees('red', CORNER);
  await page.click('#corner');
  await sees('green', CORNER);

  await page.setInputFiles('#slate-file', await image(page, 'blue'));
  await sees('blue', MIDDLE);
  expect(await page.locator('#sign-screen').count()).toBe(0);
  await page.click('#corner');
  await sees('red', CORNER);
  await sees('blue', MIDDLE);

  await page.click('#slate');
  await sees('red', MIDDLE);
  await framesAdvance(viewer.page, 5);
  const { frames, longestGap } = await viewer.picture();
  console.info(`camera, screen, slate, camera: ${frames} frames, longest gap ${Math.round(longestGap)} ms`);
  expect(await viewer.peers()).toBe(1);
  await status(viewer.page, 'live');
});

/** Resolves when so many further packets of sound have brought no sound with them. */
async function silent(viewer: Page): Promise<void> {
  let before = await received(viewer);
  await expect
    .poll(async () => {
      const now = await received(viewer);
      if (now.audioPackets - before.audioPackets < 75) return false;
      const still = now.audioEnergy - before.audioEnergy < 1e-6;
      before = now;
      return still;
    }, SOON)
    .toBe(true);
}

async function heard(viewer: Page): Promise<void> {
  const { audioEnergy } = await received(viewer);
  await expect
    .poll(async () => (await received(viewer)).audioEnergy, SOON)
    .toBeGreaterThan(audioEnergy + 1e-4);
}

test('a muted microphone is silent, and seen to be; the sound of a screen goes on', async () => {
  const { page, link } = await publish(context, server.url, { resolution: '360' });
  const viewer = await openWatch(await browser.newContext(), link);
  await framesAdvance(viewer);
  // Browsers decode no sound that nobody hears.
  const unmute = viewer.locator('#unmute');
  if (await unmute.isVisible()) await unmute.click();
  await heard(viewer);
  await page.click('#mute');
  await page.waitForSelector('#sign-muted');
  await expect.poll(() => page.title()).toMatch(/^🔇/);
  await silent(viewer);
  await page.click('#share-screen');
  await heard(viewer);
  await page.click('#share-screen');
  await silent(viewer);
  // What was not to be heard or seen is not after a reload.
  await page.click('#camera-off');
  await page.waitForSelector('#sign-camera-off');
  page.on('dialog', (dialog) => dialog.accept());
  await page.reload();
  await status(page, 'live');
  await page.waitForSelector('#sign-muted');
  await page.waitForSelector('#sign-camera-off');
  await expect.poll(() => colourAt(viewer, 0.1, 0.1), SOON).toBe('black');
  await page.click('#mute');
  await heard(viewer);
  await page.click('#camera-off');
  await expect.poll(() => colourAt(viewer, ...MIDDLE), SOON).toBe('red');
});

test.each(['in a worker', 'on the page'])('a film as a slate, drawn %s', async (where) => {
  if (where === 'on the page') {
    // As in Firefox and Safari.
    await context.addInitScript(() => Reflect.deleteProperty(window, 'MediaStreamTrackGenerator'));
  }
  const { page, link } = await publish(context, server.url, { resolution: '360' });
  const viewer = await openWatch(await browser.newContext(), link);
  const workers = () => page.workers().map((worker) => worker.url().replace(/.*\/|-[^-]*$/g, ''));
  await framesAdvance(viewer);
  await page.click('#mute');
  expect(workers()).toEqual([]);
  await page.setInputFiles('#slate-file', await media('vp8'));
  // Its box is red in even seconds and blue in odd ones.
  const box = () => colourAt(viewer, 0.1, 0.1);
  await expect.poll(box, SOON).toBe('blue');
  await expect.poll(box, SOON).toBe('red');
  await expect.poll(box, SOON).toBe('blue');
  expect(workers()).toEqual([where === 'in a worker' ? 'compositor-worker' : 'ticker']);
  expect(await colourAt(viewer, ...CORNER)).toBe('red');
  await page.click('#slate');
  await expect.poll(() => colourAt(viewer, ...MIDDLE), SOON).toBe('red');
  await expect.poll(workers).toEqual([]);
});

test('what cannot be shown is said, and the camera goes on', async () => {
  const { page } = await publish(context, server.url, { resolution: '360' });
  await page.setInputFiles('#slate-file', {
    name: 'notes.png',
    mimeType: 'image/png',
    buffer: Buffer.from('no picture'),
  });
  await expect
    .poll(() => page.locator('[role="alert"]').first().textContent())
    .toMatch(/notes\.png.*choose/i);
  expect(await colourAt(page, 0.5, 0.5, '#preview')).toBe('red');
});
