/** What the player offers: sizes, keys, statistics, posters. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KEYS, token } from '../helpers/authority.ts';
import { framesAdvance, launchBrowser, openPublish, openWatch, status } from '../helpers/browser.ts';
import { publishMedia } from '../helpers/publish-media.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/** Private, so that all of it is seen to work with a key. */
const STREAM = 'board-1';
const TITLE = 'A <b>bold</b> lecture';
let server: TestServer;
let browser: Browser;
let context: BrowserContext;
let key: string;
let link: string;
beforeAll(async () => {
  server = await startServer({ PHAROS_AUTH_JWT_SECRET: KEYS.jwt, PHAROS_AUTH_PRIVATE: 'board-*' });
  browser = await launchBrowser();
  const publisher = await openPublish(await browser.newContext(), server.url, { stream: STREAM });
  await publisher.fill('#title', TITLE);
  await publisher.click('#start');
  await status(publisher, 'live');
  key = await token({ stream: STREAM, ttl: 3600 });
  link = `${server.url}/watch/${STREAM}#key=${key}`;
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
});
afterEach(() => context.close());

type Wish = { video: boolean; spatialLayer?: number };

/** Opens the watch page in a window of this size, and notes what it asks the server for. */
async function watch(width = 1280, height = 720): Promise<{ page: Page; wishes: Wish[] }> {
  const page = await context.newPage();
  await page.setViewportSize({ width, height });
  const wishes: Wish[] = [];
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const { type, id: _, ...wish } = JSON.parse(String(payload));
      if (type === 'prefer') wishes.push(wish);
    }),
  );
  await page.goto(link);
  await framesAdvance(page, 3);
  return { page, wishes };
}

/** Waits until there is more than one size to choose from, with the menu open. */
async function openMenu(page: Page): Promise<void> {
  await page.locator('#settings').focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('menuitemradio').count(), { timeout: 20_000 }).toBe(5);
}

/** Waits until this is what the player wants of the picture. */
const asks = (wishes: Wish[], wish: Wish) =>
  expect.poll(() => wishes.at(-1), { timeout: 20_000 }).toEqual(wish);
const heightOf = (page: Page) =>
  page.locator('video#player').evaluate((video: HTMLVideoElement) => video.videoHeight);
const said = (page: Page) => page.locator('.said').textContent();

test('the title that the publisher gave is in the caption, on the tab, and on the lock screen', async () => {
  const { page } = await watch();
  await page.locator('#title').getByText(TITLE, { exact: true }).waitFor();
  expect(await page.title()).toBe(`${TITLE} – Pharos`);
  await expect
    .poll(() => page.evaluate(() => navigator.mediaSession.metadata?.title), { timeout: 10_000 })
    .toBe(TITLE);
});

describe('sizes', () => {
  test('the menu by keyboard: each size, sound alone, and back to what fits', async () => {
    const { page, wishes } = await watch();
    await openMenu(page);
    const menu = page.getByRole('menu', { name: 'Settings' });
    const choices = await menu.getByRole('menuitemradio').allTextContents();
    expect(choices[0]).toMatch(/^Auto/);
    expect(choices.slice(1, 4).every((choice) => /^\d+p$/.test(choice))).toBe(true);
    expect(choices[4]).toBe('Sound only');
    expect(await page.textContent('#quality-now')).toMatch(/^Auto \(\d+p\): /);
    expect(await menu.getByRole('menuitemradio', { checked: true }).textContent()).toMatch(/^Auto/);
    // The focus is on what is chosen; three further down is the smallest picture.
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
    await menu.waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('settings');
    await expect.poll(() => heightOf(page), { timeout: 20_000 }).toBeLessThanOrEqual(180);
    expect(wishes.at(-1)).toEqual({ video: true, spatialLayer: 0 });
    await openMenu(page);
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowUp');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('menu-help');
    await page.keyboard.press('Escape');
    await menu.waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('settings');

    await openMenu(page);
    await menu.getByRole('menuitemradio', { name: 'Sound only' }).click();
    await page.getByText('The picture is off').waitFor();
    await asks(wishes, { video: false });
    await page.getByRole('button', { name: 'Show the picture' }).click();
    await asks(wishes, { video: true });
    await framesAdvance(page, 5);
  });

  test('no more is asked for than the window needs', async () => {
    const { page, wishes } = await watch(320, 480);
    // 320 wide is 180 high.
    await asks(wishes, { video: true, spatialLayer: 0 });
    await expect.poll(() => heightOf(page), { timeout: 20_000 }).toBeLessThanOrEqual(180);
    await openMenu(page);
    await expect
      .poll(() => page.textContent('#quality-now'), { timeout: 20_000 })
      .toMatch(/window needs no more/);
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 1280, height: 720 });
    await asks(wishes, { video: true });
    await page.setViewportSize({ width: 640, height: 480 });
    await asks(wishes, { video: true, spatialLayer: 1 });
    expect(wishes).toHaveLength(3);
  });

  test('in a tab that nobody sees there is sound only, after some seconds; the picture is back at once', async () => {
    const { page, wishes } = await watch();
    const hide = (hidden: boolean) =>
      // Chromium without a screen says that every tab is seen.
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    const since = performance.now();
    await hide(true);
    await asks(wishes, { video: false });
    console.info(`sound only ${((performance.now() - since) / 1000).toFixed(1)} s after the tab was hidden`);
    expect(performance.now() - since).toBeGreaterThan(9000);
    await hide(false);
    await asks(wishes, { video: true });
    await framesAdvance(page, 5);
  });
});

test('keys: sound, volume, captions, full screen, help; and they can be switched off', async () => {
  const { page } = await watch();
  const muted = () => page.locator('video#player').evaluate((video: HTMLVideoElement) => video.muted);
  const before = await muted();
  await page.keyboard.press('m');
  expect(await muted()).toBe(!before);
  await page.keyboard.press('ArrowUp');
  expect(await said(page)).toMatch(/^Volume \d+ %$/);
  await page.keyboard.press('c');
  expect(await said(page)).toBe('This live stream has no captions.');
  await page.keyboard.press('k');
  await page.getByRole('button', { name: 'Play' }).first().waitFor();
  await page.keyboard.press('k');
  await page.keyboard.press('f');
  await page.waitForFunction(() => document.fullscreenElement?.classList.contains('stage'));
  await page.keyboard.press('f');
  await page.waitForFunction(() => document.fullscreenElement === null);

  await page.keyboard.press('?');
  const help = page.getByRole('region', { name: 'Keyboard shortcuts' });
  await help.waitFor();
  await help.getByRole('checkbox', { name: 'Use these keys' }).uncheck();
  await page.keyboard.press('Escape');
  await help.waitFor({ state: 'detached' });
  const now = await muted();
  await page.keyboard.press('m');
  expect(await muted()).toBe(now);
  await page.reload();
  await framesAdvance(page, 3);
  await page.locator('#settings').click();
  await page.getByRole('menuitem', { name: 'Keyboard shortcuts' }).click();
  expect(await help.getByRole('checkbox').isChecked()).toBe(false);
});

test('statistics, with a graph that the policy of the page allows', async () => {
  const { page } = await watch();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.keyboard.press('i');
  const panel = page.getByRole('region', { name: 'Statistics' });
  await panel.locator('#graph canvas').waitFor({ timeout: 20_000 });
  const figures = new Map(
    (await panel
      .locator('dl > div')
      .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? '')))) as [
      string,
      string,
    ][],
  );
  console.info(Object.fromEntries(figures));
  expect(figures.get('Picture')).toMatch(/^\d+ × \d+, \d+ frames\/s$/);
  expect(figures.get('Codec')).toBe('VP8');
  expect(figures.get('Bitrate')).toMatch(/^\d+\.\d+ Mbit\/s$/);
  expect(figures.get('Path')).toBe('UDP');
  for (const name of ['Latency, about', 'Jitter buffer', 'Round trip'])
    expect(figures.get(name)).toMatch(/^\d+ ms$/);
  await page.keyboard.press('i');
  await panel.waitFor({ state: 'detached' });
  expect(complaints).toEqual([]);
});

test('a network without UDP is told of in plain words, once, until it is waved away', async () => {
  // From a file: a browser short of time is what would be spoken of first.
  const live = await publishMedia(server.url, 'no-udp', 'vp8');
  const tcpOnly = await launchBrowser(['--webrtc-ip-handling-policy=disable_non_proxied_udp']);
  try {
    const page = await openWatch(await tcpOnly.newContext(), `${server.url}/watch/no-udp`);
    const hint = page.locator('#hint');
    await hint.getByText('Your network blocks UDP; using TCP instead.').waitFor({ timeout: 40_000 });
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await hint.waitFor({ state: 'detached' });
    await framesAdvance(page, 10);
  } finally {
    await tcpOnly.close();
    await live.stop();
  }
}, 120_000);

test('a private stream has a poster for those who may watch it', async () => {
  const page = await context.newPage();
  await page.goto(`${server.url}/embed/${STREAM}?autoplay=0#key=${key}`);
  const poster = page.locator('#poster');
  await poster.waitFor({ timeout: 60_000 });
  expect(page.url()).not.toContain(key);
  const width = () => poster.evaluate((image: HTMLImageElement) => image.naturalWidth);
  await expect.poll(width).toBeGreaterThan(100);
  expect(await poster.getAttribute('src')).toMatch(/^blob:/);
  await page.getByRole('button', { name: 'Play' }).click();
  await framesAdvance(page, 3);

  const stranger = await context.newPage();
  const refused = stranger.waitForResponse((response) => response.url().endsWith('/poster'));
  await stranger.goto(`${server.url}/embed/${STREAM}?autoplay=0`);
  expect((await refused).status()).toBe(401);
  await stranger.getByRole('button', { name: 'Play' }).click();
  await stranger.getByText('This stream is private').waitFor();
  expect(await stranger.locator('#poster').count()).toBe(0);
}, 120_000);
