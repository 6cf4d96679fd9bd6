/** The publish page around the picture: check, health, links, title; within a thumb's reach. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { encode } from 'uqr';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, openPublish, openWatch, publish, status } from '../helpers/browser.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
});
afterEach(() => context.close());

const SOON = { timeout: 25_000 };

/** What stands beside a name in a list of figures. */
const figure = (page: Page, list: string, name: string) =>
  page
    .locator(`${list} .figure`, { has: page.locator('dt', { hasText: name }) })
    .locator('dd')
    .textContent();

test('the check before Start says what works, and how much goes up', async () => {
  const page = await openPublish(context, server.url, { resolution: '360' });
  await page.click('#check');
  const step = (name: string) => page.locator(`#check-steps [data-step="${name}"]`);
  await expect.poll(() => page.locator('#check-verdict').getAttribute('data-light'), SOON).not.toBeNull();
  for (const name of ['server', 'udp', 'tcp', 'upload']) {
    expect(await step(name).getAttribute('data-state'), name).toBe('ok');
  }
  expect(await step('upload').textContent()).toMatch(/at least [\d.]+ (M|k)bit\/s/);
  const verdict = await page.textContent('#check-verdict');
  console.info(`check: ${await page.locator('#check-steps').innerText()} – ${verdict}`.replaceAll('\n', ' '));
  expect(verdict).toMatch(/all is well|go up from here/i);
});

test('a server that is away is told by the check', async () => {
  const away = await startServer();
  const page = await openPublish(context, away.url);
  await away.stop('SIGKILL');
  await page.click('#check');
  await expect.poll(() => page.locator('#check-verdict').getAttribute('data-light'), SOON).toBe('red');
  expect(await page.textContent('#check-verdict')).toMatch(/does not answer.*check your network/i);
});

test('live: health of both sides, links to copy, a title that viewers see', async () => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await openPublish(context, server.url, { resolution: '360' });
  await page.fill('#title', 'Topology I');
  await page.click('#start');
  await status(page, 'live');
  const link = (await page.textContent('#watch-link')) ?? '';
  const stream = (await page.textContent('#stream-id'))?.trim();
  const viewer = await openWatch(await browser.newContext(), link);
  await framesAdvance(viewer);
  await expect.poll(() => viewer.textContent('body'), SOON).toContain('Topology I');
  await page.fill('#title', 'Topology II');
  await expect.poll(() => viewer.textContent('body'), SOON).toContain('Topology II');

  await page.waitForSelector('#sent .figure', SOON);
  expect(await page.getAttribute('#health', 'data-light')).toMatch(/^(green|amber|red)$/);
  await expect.poll(() => figure(page, '#sent', 'Picture'), SOON).toMatch(/^640 × 360, \d+ frames/);
  await expect.poll(() => figure(page, '#sent', 'Bitrate'), SOON).toMatch(/[1-9].*bit\/s/);
  expect(await figure(page, '#sent', 'Way')).toBe('UDP');
  await expect.poll(() => figure(page, '#audience', 'Viewers'), SOON).toBe('1');
  await expect.poll(() => figure(page, '#audience', 'Stood still'), SOON).toMatch(/^[01] of 1$/);
  expect(await figure(page, '#audience', 'Server')).toBe('has room');

  await page.click('#qr-toggle');
  const { data } = encode(link, { ecc: 'M', border: 3 });
  const dark = data.flat().filter(Boolean).length;
  await expect
    .poll(async () => (await page.getAttribute('#qr path', 'd'))?.match(/M/g)?.length, SOON)
    .toBe(dark);
  await page.click('#qr-copy');
  await expect.poll(() => page.textContent('#qr-copy')).toBe('Copied');
  const copied = () => page.evaluate(async () => (await navigator.clipboard.read())[0]?.types.join());
  expect(await copied()).toBe('image/png');
  await page.click('[aria-label="Copy: Embed code for a web page"]');
  const code = await page.evaluate(() => navigator.clipboard.readText());
  expect(code).toBe(await page.textContent('#embed-code'));
  expect(code).toContain(`<iframe src="${server.url}/embed/${stream}"`);
});

test('on a phone all controls are within a thumb’s reach, and what has the focus is not under them', async () => {
  context = await browser.newContext({ viewport: { width: 375, height: 720 } });
  const { page } = await publish(context, server.url, { resolution: '360' });
  await page.evaluate(() => document.fonts.ready);
  const { top, small, wide } = await page.evaluate(() => {
    const buttons = [...document.querySelectorAll('.deck button')].map((each) =>
      each.getBoundingClientRect(),
    );
    return {
      top: Math.min(...buttons.map((each) => each.top)),
      small: Math.min(...buttons.map((each) => Math.min(each.width, each.height))),
      wide: document.documentElement.scrollWidth,
    };
  });
  expect(top).toBeGreaterThan(720 / 2);
  expect(small).toBeGreaterThanOrEqual(44);
  expect(wide).toBe(375);
  await page.focus('#microphone');
  const covered = await page.evaluate(() => {
    const field = document.querySelector('#microphone')?.getBoundingClientRect();
    const deck = document.querySelector('.deck')?.getBoundingClientRect();
    return !field || !deck || field.bottom > deck.top;
  });
  expect(covered).toBe(false);
});
