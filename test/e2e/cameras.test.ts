/** Cameras on the watch page, in Chromium. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { framesAdvance, launchBrowser, openWatch, received, status } from '../helpers/browser.ts';
import { RtspServer } from '../helpers/rtsp-server.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let browser: Browser;
let context: BrowserContext;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  context = await browser.newContext();
});
afterEach(() => context.close());

async function pharos(cameras: Record<string, unknown>[]): Promise<TestServer> {
  const server = await startServer({ PHAROS_CAMERAS: JSON.stringify(cameras) });
  onTestFinished(async () => void (await server.stop()));
  return server;
}

async function camera(paths: string[], port?: number): Promise<RtspServer> {
  const rtsp = await RtspServer.start(paths, port ? { port } : {});
  onTestFinished(() => rtsp.stop());
  return rtsp;
}

async function seesAndHears(page: Page): Promise<void> {
  await status(page, 'live');
  await framesAdvance(page);
  const unmute = page.locator('#unmute');
  if (await unmute.isVisible()) await unmute.click();
  const before = await received(page);
  expect(before).toMatchObject({ width: 320, height: 240, codec: 'video/H264' });
  await expect
    .poll(async () => (await received(page)).audioEnergy, { timeout: 10_000 })
    .toBeGreaterThan(before.audioEnergy);
}

test('a camera that nobody watched plays within seconds, for the next one at once', async () => {
  const rtsp = await camera(['high+aac']);
  const server = await pharos([{ stream: 'door', url: rtsp.url('high+aac') }]);
  const page = await openWatch(context, `${server.url}/watch/door`);
  await seesAndHears(page);
  const [first] = await page.evaluate(() => performance.getEntriesByName('pharos:first-frame'));
  expect(first?.startTime).toBeLessThan(5000);
  await seesAndHears(await openWatch(context, `${server.url}/watch/door`));
  expect(server.records('camera live')).toHaveLength(1);
});

test('the page says what is wrong with a camera, and plays when it is back', async () => {
  const rtsp = await camera(['baseline+pcmu']);
  await rtsp.stop();
  const server = await pharos([{ stream: 'door', url: rtsp.url('baseline+pcmu') }]);
  const page = await openWatch(context, `${server.url}/watch/door`);
  await page.getByText(/refuses connections on this port/).waitFor();
  await camera(['baseline+pcmu'], rtsp.port);
  await seesAndHears(page);
  expect(await page.getByText(/refuses connections/).count()).toBe(0);
});

test('H.265 is explained, and plays where it may be encoded anew', async () => {
  const rtsp = await camera(['h265+opus']);
  const url = rtsp.url('h265+opus');
  const server = await pharos([
    { stream: 'refused', url },
    { stream: 'encoded', url, transcode: 'auto' },
  ]);
  const page = await openWatch(context, `${server.url}/watch/refused`);
  await page.getByText(/sends H\.265, which browsers do not play/).waitFor();
  await seesAndHears(await openWatch(context, `${server.url}/watch/encoded`));
});
