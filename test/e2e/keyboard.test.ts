/** Everything that a publisher and a viewer must be able to do, by keyboard alone, and seeing where they are. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, publish, status } from '../helpers/browser.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
  context = await browser.newContext({
    permissions: ['clipboard-read', 'clipboard-write', 'camera', 'microphone'],
  });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** Dozens of keys, each of which takes its time on a busy machine. */
const TIMEOUT = 120_000;

/** More than any page has to pass. */
const MOST = 60;

/** Presses Tab until the focus is there; whatever it passes must show that it has it. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let pressed = 0; pressed < MOST; pressed++) {
    const there = await page.evaluate((wanted) => {
      const { activeElement: element } = document;
      if (!element || element === document.body) return false;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const seen = (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
      if (!seen) throw new Error(`the focus cannot be seen on ${element.outerHTML.slice(0, 200)}`);
      return element.matches(wanted);
    }, selector);
    if (there) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

async function press(page: Page, selector: string, key = 'Enter'): Promise<void> {
  await tabTo(page, selector);
  await page.keyboard.press(key);
}

const focused = (page: Page) => page.evaluate(() => document.activeElement?.id);

test('publish: from load to Start, to the copied link, to Stop', { timeout: TIMEOUT }, async () => {
  const page = await context.newPage();
  await page.goto(`${server.url}/publish`);
  await page.waitForSelector('#start:enabled');
  await tabTo(page, '#title');
  await page.keyboard.type('By keyboard');
  await press(page, '#start');
  await status(page, 'live');
  // Start has gone; whoever pressed it does not begin at the top of the page again.
  await expect.poll(() => focused(page)).toBe('stop');
  await press(page, '#mute', 'Space');
  await expect.poll(() => page.getAttribute('#mute', 'aria-pressed')).toBe('false');
  await press(page, '.button.copy');
  const link = (await page.textContent('#watch-link'))?.trim();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(link);
  await press(page, '#stop');
  await status(page, 'ended');
  await expect.poll(() => focused(page)).toBe('start');
  await page.close();
});

test('watch: join, sound, full screen, menu, leave', { timeout: TIMEOUT }, async () => {
  const { stream } = await publish(context, server.url, { resolution: '360' });
  const page = await context.newPage();
  await page.goto(`${server.url}/watch`);
  await tabTo(page, '#identifier');
  await page.keyboard.type(stream);
  await page.keyboard.press('Enter');
  await status(page, 'live');
  await framesAdvance(page, 5);

  const muted = () => page.evaluate(() => document.querySelector('video')?.muted);
  const before = await muted();
  await press(page, '#mute');
  await expect.poll(muted).toBe(!before);
  await page.keyboard.press('m');
  await expect.poll(muted).toBe(before);

  const full = () => page.evaluate(() => document.fullscreenElement !== null);
  await press(page, '#fullscreen');
  await expect.poll(full).toBe(true);
  await page.keyboard.press('f');
  await expect.poll(full).toBe(false);

  await press(page, '#settings');
  await page.waitForSelector('#menu');
  const first = await page.evaluate(() => document.activeElement?.textContent);
  await page.keyboard.press('ArrowDown');
  expect(await page.evaluate(() => document.activeElement?.textContent)).not.toBe(first);
  await page.keyboard.press('Escape');
  await page.waitForSelector('#menu', { state: 'detached' });
  expect(await focused(page)).toBe('settings');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#menu');
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#help');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#help', { state: 'detached' });

  await press(page, '#leave');
  await expect.poll(() => page.getAttribute('#player', 'data-state')).not.toBe('live');
  await page.close();
});
