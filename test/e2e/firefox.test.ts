import type { BrowserContext, Browser as Chromium, Page as ChromiumPage } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, openWatch, publish, received, status } from '../helpers/browser.ts';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import {
  type Browser,
  DECODES_H264,
  type FirefoxPublishes,
  firefoxStatus,
  launchFirefox,
  openInFirefox,
  type Page,
  publishByFirefox,
} from '../helpers/firefox.ts';
import { framesAdvanceHere, receivedHere } from '../helpers/in-page.ts';
import { scrape } from '../helpers/metrics.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { startTcpProxy } from '../helpers/tcp-proxy.ts';

let server: TestServer;
let firefox: Browser;
let chromium: Chromium;
let context: BrowserContext;
const open: Page[] = [];

beforeAll(async () => {
  server = await startServer({
    // All of the machine's: Firefox gathers candidates of the address alone by which the net is reached.
    PHAROS_MEDIA_LISTEN_ADDRESSES: '',
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
  });
  [firefox, chromium] = await Promise.all([launchFirefox(), launchBrowser()]);
});
afterAll(async () => {
  await firefox?.close();
  await chromium?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await chromium.newContext();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((page) => page.close()));
  await context.close();
});

async function watchInFirefox(link: string, browser = firefox): Promise<Page> {
  const page = await openInFirefox(browser, link);
  open.push(page);
  return page;
}

async function publishInFirefox(url: string, options: FirefoxPublishes = {}) {
  const published = await publishByFirefox(firefox, url, options);
  open.push(published.page);
  return published;
}

/** Pictures come, and sound that is no silence: both fake microphones beep. */
async function firefoxSeesAndHears(page: Page): Promise<void> {
  await page.evaluate(framesAdvanceHere, 15);
  const before = await page.evaluate(receivedHere);
  await expect
    .poll(async () => (await page.evaluate(receivedHere)).audioPackets, { timeout: 10_000 })
    .toBeGreaterThan(before.audioPackets + 20);
  await expect
    .poll(async () => (await page.evaluate(receivedHere)).audioEnergy, { timeout: 10_000 })
    .toBeGreaterThan(before.audioEnergy);
}

async function chromiumSeesAndHears(page: ChromiumPage): Promise<void> {
  await framesAdvance(page, 15);
  const unmute = page.locator('#unmute');
  if (await unmute.isVisible()) await unmute.click();
  const before = await received(page);
  await expect
    .poll(async () => (await received(page)).audioEnergy, { timeout: 10_000 })
    .toBeGreaterThan(before.audioEnergy);
}

test('Firefox publishes, Chromium sees and hears it; Stop ends it', async () => {
  const { page, link } = await publishInFirefox(server.url);
  const viewer = await openWatch(context, link);
  await status(viewer, 'live');
  await chromiumSeesAndHears(viewer);
  expect(await received(viewer)).toMatchObject({ codec: 'video/VP8', protocol: 'udp' });
  await page.click('#stop');
  await status(viewer, 'ended');
});

type Outbound = { rid?: string; frameWidth?: number; framesSent: number; bytesSent: number };

/** What Firefox sends of pictures, the smallest first. */
async function sentBy(page: Page): Promise<Outbound[]> {
  const all = await page.evaluate(async () =>
    [...((await window.pharos?.getStats())?.values() ?? [])]
      .filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video')
      .map(({ rid, frameWidth, framesSent, bytesSent }) => ({ rid, frameWidth, framesSent, bytesSent })),
  );
  return all.sort((a, b) => (a.frameWidth ?? 0) - (b.frameWidth ?? 0));
}

test('Firefox sends VP8 in three sizes; a viewer gets the one that it prefers', async () => {
  const { page, link } = await publishInFirefox(server.url, { resolution: '720' });
  const viewer = await openWatch(context, link);
  await framesAdvance(viewer, 5);
  const widths = async () => (await sentBy(page)).map(({ frameWidth }) => frameWidth);
  await expect.poll(widths, { timeout: 30_000 }).toEqual([320, 640, 1280]);
  const before = await sentBy(page);
  console.info('Firefox sends', before);
  expect(new Set(before.map(({ rid }) => rid)).size).toBe(3);
  const advance = async () =>
    (await sentBy(page)).map(({ framesSent }, index) => framesSent > (before[index]?.framesSent ?? 0) + 10);
  await expect.poll(advance, { timeout: 30_000 }).toEqual([true, true, true]);
  for (const [spatialLayer, height] of [
    [0, 180],
    [2, 720],
  ]) {
    await viewer.evaluate(
      (layer) => window.pharos?.prefer?.({ video: true, spatialLayer: layer }),
      spatialLayer,
    );
    await expect.poll(async () => (await received(viewer)).height, { timeout: 30_000 }).toBe(height);
  }
});

test('Chromium publishes VP8, Firefox sees and hears it, and tells when its first frame was there', async () => {
  const { link } = await publish(context, server.url, { resolution: '360' });
  const firstFrames = async () => (await scrape(server.url)).value('pharos_first_frame_seconds_count') ?? 0;
  const before = await firstFrames();
  const viewer = await watchInFirefox(link);
  await firefoxStatus(viewer, 'live');
  await firefoxSeesAndHears(viewer);
  expect(await viewer.evaluate(receivedHere)).toMatchObject({ codec: 'video/VP8', protocol: 'udp' });
  await expect.poll(firstFrames, { timeout: 10_000 }).toBe(before + 1);
});

test('a Firefox without H.264 plays the sound of such a stream, and says why there is no picture', async () => {
  const { link } = await publish(context, server.url, { codec: 'H264', resolution: '360' });
  const viewer = await watchInFirefox(link);
  await firefoxStatus(viewer, 'live');
  await viewer.waitForFunction(() => /cannot play the picture/.test(document.body.textContent ?? ''));
  await expect
    .poll(async () => (await viewer.evaluate(receivedHere)).audioEnergy, { timeout: 10_000 })
    .toBeGreaterThan(0);
});

test('a Firefox without H.264 offers what it can send, and sends that', async () => {
  const { page } = await publishInFirefox(server.url, { codec: 'H264' });
  await firefoxStatus(page, 'live');
  const offered = await page.$$eval('#codec option', (options) =>
    options.map(({ textContent }) => textContent),
  );
  expect(offered).toEqual(['VP8']);
});

test('Chromium publishes H.264, Firefox sees and hears it', async () => {
  const capable = await launchFirefox(DECODES_H264);
  try {
    const { link } = await publish(context, server.url, { codec: 'H264', resolution: '360' });
    const viewer = await openInFirefox(capable, link);
    await firefoxStatus(viewer, 'live');
    await firefoxSeesAndHears(viewer);
    expect(await viewer.evaluate(receivedHere)).toMatchObject({ codec: 'video/H264', height: 360 });
  } finally {
    await capable.close();
  }
});

test('WebSockets of Firefox are cut, publishing and watching: the media goes on, and so do both sessions', async () => {
  const proxy = await startTcpProxy(() => server.port);
  try {
    const joins = async () => (await scrape(server.url)).value('pharos_joins_total');
    const { page: publisher, stream } = await publishInFirefox(proxy.url);
    const viewer = await watchInFirefox(`${proxy.url}/watch/${stream}`);
    await viewer.evaluate(framesAdvanceHere, 5);
    const before = await joins();
    proxy.cut();
    await expect.poll(async () => (await scrape(server.url)).value('pharos_websockets')).toBe(0);
    await viewer.evaluate(framesAdvanceHere, 15);
    proxy.mend();
    await expect
      .poll(async () => (await scrape(server.url)).value('pharos_websockets'), { timeout: 15_000 })
      .toBe(2);
    await firefoxStatus(publisher, 'live');
    await firefoxStatus(viewer, 'live');
    await firefoxSeesAndHears(viewer);
    // Nobody joined anew.
    expect(await joins()).toBe(before);
    await publisher.click('#stop');
    await firefoxStatus(viewer, 'ended');
  } finally {
    await proxy.close();
  }
});
