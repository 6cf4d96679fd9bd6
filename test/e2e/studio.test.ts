/** The publisher's studio: sources changed live, under the eyes of a viewer who stays. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFfmpeg } from '../../tools/lib/ffmpeg.ts';
import { framesAdvance, launchBrowser, publish, status } from '../helpers/browser.ts';
import { colourAt } from '../helpers/colour.ts';
import { madeOnce } from '../helpers/made-once.ts';
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
