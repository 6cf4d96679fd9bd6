/** Devices that come and go, and a screen whose sharing ends outside the page. */
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { findChromium } from '../../scripts/setup/chromium.mjs';
import { launchBrowser, openPublish, publish, status } from '../helpers/browser.ts';
import { colourAt } from '../helpers/colour.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function serve(): Promise<TestServer> {
  const server = await startServer();
  cleanup.push(() => server.stop());
  return server;
}

async function browse(args: string[], without: string[] = []): Promise<Browser> {
  const browser = await launchBrowser(args, without);
  cleanup.push(() => browser.close());
  return browser;
}

const label = (page: Page) =>
  page.evaluate(() => {
    const { srcObject } = document.querySelector<HTMLVideoElement>('#preview') ?? {};
    return srcObject instanceof MediaStream ? srcObject.getVideoTracks()[0]?.label : undefined;
  });

test('a camera that is unplugged: told, and the next one taken; another one chosen goes on too', async () => {
  const server = await serve();
  const browser = await browse(
    ['--use-fake-device-for-media-stream=device-count=2'],
    ['--use-fake-device-for-media-stream'],
  );
  const { page } = await publish(await browser.newContext(), server.url, { resolution: '360' });
  expect(await label(page)).toBe('fake_device_0');
  await page.selectOption('#camera', { label: 'fake_device_1' });
  await expect.poll(() => label(page)).toBe('fake_device_1');
  // No device can be pulled out of a fake: its track ends as a pulled one's does.
  await page.evaluate(() => {
    const { srcObject } = document.querySelector<HTMLVideoElement>('#preview') ?? {};
    if (!(srcObject instanceof MediaStream)) throw new Error('no preview');
    const [track] = srcObject.getVideoTracks();
    track?.stop();
    track?.dispatchEvent(new Event('ended'));
  });
  const alert = page.locator('.notice', { hasText: 'camera was disconnected' });
  await expect.poll(() => alert.textContent()).toMatch(/going on with another one: fake_device_0/i);
  expect(await label(page)).toBe('fake_device_0');
  expect(await page.locator('#camera option:checked').textContent()).toBe('fake_device_0');
  await status(page, 'live');
  await alert.locator('button').click();
  await expect.poll(() => alert.count()).toBe(0);
});

test('music mode: sound is taken as it is, and sent in stereo', async () => {
  const server = await serve();
  const browser = await browse([]);
  const page = await openPublish(await browser.newContext(), server.url, { resolution: '360' });
  await page.evaluate(() => {
    const asked: MediaStreamConstraints[] = [];
    Object.assign(window, { asked });
    const { mediaDevices } = navigator;
    const original = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = (constraints = {}) => {
      asked.push(constraints);
      return original(constraints);
    };
  });
  await page.check('#music');
  const asked = () => page.evaluate(() => Reflect.get(window, 'asked'));
  await expect.poll(asked).toEqual([
    {
      video: false,
      audio: {
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: false,
        channelCount: { ideal: 2 },
      },
    },
  ]);
  await page.waitForSelector('#start:enabled');
  await page.click('#start');
  await status(page, 'live');
  const fmtp = () =>
    page.evaluate(async () => {
      const stats = [...((await window.pharos?.getStats())?.values() ?? [])];
      return stats.find(({ type, mimeType }) => type === 'codec' && mimeType === 'audio/opus')?.sdpFmtpLine;
    });
  await expect.poll(fmtp).toMatch(/stereo=1/);
  expect(await page.isDisabled('#music')).toBe(true);
  expect(await page.textContent('#locked')).toMatch(/stop the stream to change/i);
});

test('a shared tab is closed: told, and no longer shown; without camera and microphone, too', async () => {
  const server = await serve();
  const executablePath = findChromium();
  if (!executablePath) throw new Error('no Chromium found');
  // A real tab is captured, which the fake devices would stand in for.
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--auto-select-tab-capture-source-by-title=Slides'],
  });
  cleanup.push(() => browser.close());
  const context = await browser.newContext();
  const slides = await context.newPage();
  await slides.setContent('<title>Slides</title><body bgcolor="#0000ff"></body>');
  const page = await context.newPage();
  await page.goto(`${server.url}/publish`);
  await page.waitForSelector('[role="alert"]');
  expect(await page.isDisabled('#start')).toBe(true);
  await page.click('#share-screen');
  await page.waitForSelector('#start:enabled');
  await page.click('#start');
  await status(page, 'live');
  const viewer = await (await browser.newContext()).newPage();
  await viewer.goto((await page.getAttribute('#watch-link', 'href')) ?? '');
  await expect.poll(() => colourAt(viewer, 0.5, 0.5), { timeout: 20_000 }).toBe('blue');
  await slides.close();
  await page.waitForSelector('.notice:has-text("no longer shared")');
  await expect.poll(() => colourAt(viewer, 0.1, 0.1), { timeout: 20_000 }).toBe('black');
  await status(viewer, 'live');
});
