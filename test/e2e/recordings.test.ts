/** From the Record button to the recording in the page that plays it. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, openPublish, status } from '../helpers/browser.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const KEY = 'an-admin-key-for-tests';

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([
    startServer({ PHAROS_AUTH_ADMIN_KEY: KEY, PHAROS_RECORDINGS_MIN_FREE: 0 }),
    launchBrowser(),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** Plays to the end, and then from the middle, as a person with the mouse would. */
function playAndSeek(page: Page) {
  return page.evaluate(async () => {
    const video = document.querySelector('video');
    if (!video) throw new Error('no player');
    const happens = (name: string) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${name}`)), 20_000);
        video.addEventListener(
          name,
          () => {
            clearTimeout(timer);
            resolve();
          },
          { once: true },
        );
      });
    video.muted = true;
    video.currentTime = 0;
    const ended = happens('ended');
    await video.play();
    await ended;
    const { totalVideoFrames } = video.getVideoPlaybackQuality();
    const seeked = happens('seeked');
    video.currentTime = video.duration / 2;
    await seeked;
    const again = happens('ended');
    await video.play();
    await again;
    return { duration: video.duration, frames: totalVideoFrames, error: video.error?.message ?? null };
  });
}

test.each(['VP8', 'H264'] as const)('%s', async (codec) => {
  const context = await browser.newContext();
  const stream = `lecture-${codec}`;
  const page = await openPublish(context, server.url, { stream, codec, resolution: '480' });
  await page.click('#start');
  await status(page, 'live');
  await page.click('#record');
  // It grows while it is recorded.
  await page.waitForFunction(() =>
    /^0:0[4-9]/.test(document.querySelector('#record-facts')?.textContent ?? ''),
  );
  await page.click('#record');
  await page.waitForSelector('#record-facts', { state: 'detached' });
  await page.click('#stop');

  const list = await context.newPage();
  await list.goto(`${server.url}/recordings`);
  await list.fill('#admin-key', 'wrong');
  await list.keyboard.press('Enter');
  await list.waitForSelector('[role=alert]');
  await list.fill('#admin-key', KEY);
  await list.keyboard.press('Enter');
  const card = `.recording[data-id^="${stream}/"]`;
  await list.waitForSelector(`${card}[data-state=done][data-verdict=ok]`);
  await list.click(`${card} .thumbnail`);
  const played = await playAndSeek(list);
  expect(played).toMatchObject({ error: null });
  expect(played.duration).toBeGreaterThan(3.5);
  expect(played.frames).toBeGreaterThan(60);

  await list.click(`${card} .delete`);
  await list.click(`${card} .confirm`);
  await list.waitForSelector(card, { state: 'detached' });
  await context.close();
});
