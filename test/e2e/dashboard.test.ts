/** The operator's dashboard in a real browser, over real streams: figures shown, and each action carried out. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, openWatch, publish, status } from '../helpers/browser.ts';
import { type Live, publishMedia, watchPackets } from '../helpers/live.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const KEY = 'an-admin-key-for-tests';

let server: TestServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let encoder: Live;
let studio: Page;
let viewer: Page;

beforeAll(async () => {
  [server, browser] = await Promise.all([
    startServer({
      PHAROS_AUTH_ADMIN_KEY: KEY,
      PHAROS_AUTH_PUBLISH: 'open',
      PHAROS_AUTH_PRIVATE: 'board-*',
      PHAROS_RECORDINGS_MIN_FREE: 0,
    }),
    launchBrowser(),
  ]);
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  encoder = await publishMedia(server.url, 'lecture', 'h264');
  ({ page: studio } = await publish(context, server.url, { stream: 'stage', resolution: '360' }));
  viewer = await openWatch(context, `${server.url}/watch/stage`);
  await status(viewer, 'live');
  page = await context.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
});
afterAll(async () => {
  await browser?.close();
  await encoder?.stop();
  await server?.stop();
});

/** What the page itself complained of. */
const faults: string[] = [];
const WAIT = { timeout: 20_000 };

const row = (stream: string) => `.streams tr[data-key="${stream}"]`;
const cell = (stream: string, column: string) =>
  page.textContent(`${row(stream)} td[data-column="${column}"]`, WAIT);

/** Clicks what asks first, and then says yes. */
async function confirm(button: string): Promise<void> {
  await page.click(button, WAIT);
  await page.click('dialog[open] .confirm-yes', WAIT);
}

const told = (text: string) =>
  page.waitForFunction(
    (wanted) => document.querySelector('#outcome')?.textContent?.includes(wanted),
    text,
    WAIT,
  );

test('opens with the admin key alone, and remembers it for the tab', async () => {
  await page.goto(`${server.url}/admin`);
  await page.fill('#admin-key', 'wrong');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.key-form [role=alert]');
  await page.fill('#admin-key', KEY);
  await page.keyboard.press('Enter');
  await page.waitForSelector('main[data-feed="live"]', WAIT);
  await page.reload();
  await page.waitForSelector('main[data-feed="live"]', WAIT);
});

test('shows streams, figures and workers as they are', async () => {
  await page.waitForSelector(row('lecture'), WAIT);
  await expect.poll(() => cell('stage', 'media'), WAIT).toMatch(/VP8.*opus.*\d+×\d+/);
  expect(await cell('stage', 'publisher')).toMatch(/Browser.*127\.0\.0\.1/);
  expect(await cell('stage', 'viewers')).toBe('1');
  expect(await cell('lecture', 'publisher')).toMatch(/WHIP/);
  await expect.poll(() => cell('lecture', 'media'), WAIT).toMatch(/H264.*\d+×\d+/);
  await expect.poll(() => cell('lecture', 'bitrate'), WAIT).toMatch(/bit\/s/);
  await expect.poll(() => page.textContent('#n-streams strong'), WAIT).toBe('2');
  expect(await page.textContent('#n-viewers strong')).toBe('1');
  // The watch page has told of its first frame.
  await expect.poll(() => page.textContent('#n-first-frame strong'), WAIT).toMatch(/\d+ m?s/);
  await page.waitForSelector('#load-graph canvas', WAIT);
  expect(await page.locator('#workers tbody tr').count()).toBe(2);
  // Sorted by a heading, by keyboard too.
  await page.focus('.streams th[data-column="stream"] button');
  await page.keyboard.press('Enter');
  expect(await page.getAttribute('.streams th[data-column="stream"]', 'aria-sort')).toBe('ascending');
  expect(await page.locator('.streams tbody tr').first().getAttribute('data-key')).toBe('lecture');
});

test("a stream's publisher and viewers, with how they fare", async () => {
  await page.click(`${row('stage')} .stream-link`);
  await page.waitForSelector('#audience', WAIT);
  const facts = () => page.textContent('section[aria-labelledby="publisher-title"]');
  await expect.poll(facts, WAIT).toMatch(/Picture.*\d+×\d+.*Received\d.*Round trip\d/);
  const viewers = () => page.textContent('.viewers tbody tr');
  // Its own statistics come about every ten seconds.
  await expect.poll(viewers, { timeout: 40_000 }).toMatch(/127\.0\.0\.1.*\d+×\d+.*bit\/s/);
});

test('records, and lists the recording', async () => {
  await page.click('#record');
  await told('is being recorded');
  await page.waitForSelector('#record-stop', WAIT);
  await expect.poll(recordedBytes, WAIT).toBeGreaterThan(50_000);
  await confirm('#record-stop');
  await told('has ended');
  await page.click('.tabs a[href="#recordings"]');
  await page.waitForSelector('.recordings tr[data-state="done"] a.file', { timeout: 40_000 });
});

async function recordedBytes(): Promise<number> {
  const response = await fetch(`${server.url}/api/streams/stage/recording`, {
    headers: { Authorization: `Bearer ${KEY}` },
  });
  const { recording } = (await response.json()) as { recording: { bytes: number } | null };
  return recording?.bytes ?? 0;
}

test('kicks a viewer, and its page says so', async () => {
  await page.goto(`${server.url}/admin#stream/stage`);
  await confirm('.viewers tbody tr .kick');
  await told('was kicked');
  await status(viewer, 'ended');
  await expect
    .poll(() => page.textContent('section[aria-labelledby="viewers-title"]'), WAIT)
    .toContain('Nobody watches');
});

test('stops a stream, and the publish page says so', async () => {
  await page.click('#stop-stream');
  // The way out has the focus, and Escape is one too.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
  await page.keyboard.press('Escape');
  await confirm('#stop-stream');
  await told('stage was stopped');
  await page.waitForSelector('#stream-gone', WAIT);
  await studio.waitForSelector('#status:not([data-state="live"])', WAIT);
  await page.click('.back');
  await page.waitForSelector(row('stage'), { state: 'detached', timeout: 20_000 });
});

test('makes a grant, which lets in, and revokes it', async () => {
  const board = await publishMedia(server.url, 'board-1', 'vp8', { token: await keyToPublish() });
  await page.click('.tabs a[href="#grants"]');
  await page.selectOption('#grant-action', 'watch');
  await page.fill('#grant-stream', 'board-1');
  await page.fill('#grant-subject', 'anna');
  await page.click('#make-grant button[type=submit]');
  const link = await page.inputValue('.made .use[data-name="Watch"] input', WAIT);
  expect(link).toMatch(/\/watch\/board-1#key=ey/);
  const guest = await openWatch(context, link);
  await framesAdvance(guest);
  await page.goto(`${server.url}/admin#stream/board-1`);
  await confirm('.viewers .revoke');
  await told('Revoked: anna. It ended 1 session.');
  await status(guest, 'ended');
  const key = new URLSearchParams(new URL(link).hash.slice(1)).get('key') ?? '';
  await expect(watchPackets(server.url, 'board-1', { token: key })).rejects.toThrow();
  await board.stop();
});

/** A token to publish a private stream, made as an operator's program would. */
async function keyToPublish(): Promise<string> {
  const response = await fetch(`${server.url}/api/grants`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ action: 'publish', stream: 'board-*' }),
  });
  const { token } = (await response.json()) as { token: string };
  return token;
}

test('a camera that is refused is told in words; the configuration has its sources and no secret', async () => {
  await page.click('.tabs a[href="#cameras"]');
  await page.fill('#camera-stream', 'porch');
  await page.fill('#camera-url', 'rtsp://127.0.0.1:9/x');
  await page.click('#add-camera button[type=submit]');
  await told('That did not work.');
  expect(await page.textContent('#outcome')).toContain('cameraNetworks');
  await page.click('.tabs a[href="#settings"]');
  await page.waitForSelector('#settings');
  await page.check('#settings-changed');
  const setting = (key: string) => page.textContent(`#settings tr[data-key="${key}"]`);
  expect(await setting('auth.publish')).toMatch(/open.*PHAROS_AUTH_PUBLISH/);
  expect(await setting('auth.adminKey')).toContain('set, not shown');
  expect(await page.content()).not.toContain(KEY);
});

test('fits a phone; says when the server is gone; logs out', async () => {
  await page.setViewportSize({ width: 375, height: 812 });
  for (const tab of ['overview', 'cameras', 'recordings', 'grants', 'settings']) {
    await page.goto(`${server.url}/admin#${tab}`);
    await page.waitForSelector('.panel', WAIT);
    const beyond = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await beyond(), tab).toBeLessThanOrEqual(0);
  }
  // Only what is meant to fail has failed, and nothing hurt the content security policy.
  expect(faults.filter((fault) => !/status of (400|401)/.test(fault))).toEqual([]);
  await server.stop();
  await page.waitForSelector('main[data-feed="lost"] .notice', WAIT);
  await page.click('#logout');
  await page.waitForSelector('.key-form');
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
});
