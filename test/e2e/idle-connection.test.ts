import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, openPublish, openWatch, status } from '../helpers/browser.ts';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { scrape } from '../helpers/metrics.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  server = await startServer({ PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY, PHAROS_LIMITS_IDLE_TIME: 1 });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a publish page whose connection was closed before Start, for being idle, shows nothing of it and goes live', async () => {
  const page = await openPublish(await browser.newContext(), server.url, {
    stream: 'later',
    resolution: '360',
  });
  const idle = async () => (await scrape(server.url)).value('pharos_refusals_total', { code: 'idle' });
  await expect.poll(idle, { timeout: 10_000 }).toBe(1);
  await expect.poll(async () => (await scrape(server.url)).value('pharos_websockets')).toBe(0);
  expect(await page.locator('.notice').count()).toBe(0);
  expect(await page.getAttribute('#status', 'data-state')).toBe('idle');
  await page.click('#start');
  await status(page, 'live');
  const watch = await openWatch(await browser.newContext(), `${server.url}/watch/later`);
  await status(watch, 'live');
  await framesAdvance(watch);
});
