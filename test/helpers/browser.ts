/** Real Chromium with a fake camera and microphone, and what tests ask of the two pages. */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/setup/chromium.mjs';
import { framesAdvanceHere, type Received, receivedHere } from './in-page.ts';

/** Starts Chromium with `args` added to, and `without` taken from, what tests use. */
export async function launchBrowser(
  args: string[] = [],
  without: string[] = [],
  executablePath = findChromium(),
): Promise<Browser> {
  if (!executablePath) throw new Error('no Chromium found; run "npm run setup test" or set PHAROS_CHROMIUM');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      // Two pages in one browser: neither may be slowed down for not being in front.
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      ...args,
    ].filter((arg) => !without.includes(arg)),
  });
}

export type PublishOptions = {
  stream?: string;
  codec?: 'VP8' | 'H264';
  resolution?: '360' | '480' | '720' | '1080';
};

/** Opens the publish page and goes live; resolves with what the page shows. */
export async function publish(
  context: BrowserContext,
  url: string,
  options: PublishOptions = {},
): Promise<{ page: Page; stream: string; link: string }> {
  const page = await openPublish(context, url, options);
  await page.click('#start');
  await status(page, 'live');
  const stream = (await page.textContent('#stream-id'))?.trim() ?? '';
  const link = (await page.textContent('#watch-link'))?.trim() ?? '';
  return { page, stream, link };
}

/** The publish page with everything chosen, before Start. */
export async function openPublish(
  context: BrowserContext,
  url: string,
  { stream, codec = 'VP8', resolution = '720' }: PublishOptions = {},
): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/publish`);
  if (stream) await page.fill('#stream', stream);
  await page.selectOption('#codec', codec);
  await page.selectOption('#resolution', resolution);
  await page.waitForSelector('#start:enabled');
  return page;
}

export async function openWatch(context: BrowserContext, link: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(link);
  return page;
}

/** Waits until the page's status light is in this state (`data-state` of `#status`). */
export async function status(page: Page, state: string): Promise<void> {
  await page.waitForSelector(`#status[data-state="${state}"]`, { timeout: 20_000 });
}

/** What the player has presented and received, from the element and from the peer connection's statistics. */
export const received = (page: Page): Promise<Received> => page.evaluate(receivedHere);

/** Resolves when `count` further frames have been presented (HTMLVideoElement.requestVideoFrameCallback). */
export async function framesAdvance(page: Page, count = 10): Promise<void> {
  // Behind another page of its window, where a dialog puts it too, it is drawn once a second.
  await page.bringToFront();
  await page.evaluate(framesAdvanceHere, count);
}

/** For tests of what a server withstands: one page publishes, another plays it. */
export async function publishesAndPlays(url: string): Promise<void> {
  const browser = await launchBrowser();
  try {
    const context = await browser.newContext();
    const { link } = await publish(context, url);
    const viewer = await openWatch(context, link);
    await status(viewer, 'live');
    await framesAdvance(viewer);
  } finally {
    await browser.close();
  }
}
