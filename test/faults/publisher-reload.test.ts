import type { Page } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { WsViewer } from '../../tools/lib/ws-viewer.ts';
import { framesAdvance, launchBrowser, publish, status } from '../helpers/browser.ts';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { scrape } from '../helpers/metrics.ts';
import { residentMegabytes } from '../helpers/process.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { type Watched, watchClosely } from '../helpers/watched.ts';

const RELOADS = 20;
const BROWSER_VIEWERS = 3;
const OTHER_VIEWERS = 7;

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** What would pile up if something were forgotten. */
async function held({ url }: TestServer) {
  const { value } = await scrape(url);
  return {
    joins: value('pharos_joins_total', { kind: 'watch' }),
    publishers: value('pharos_publishers'),
    viewers: value('pharos_viewers'),
    waiting: value('pharos_viewers_waiting'),
    websockets: value('pharos_websockets'),
    transports: value('pharos_worker_transports'),
    pipes: value('pharos_worker_pipes'),
  };
}

/** Resolves with the ms for which the viewer saw no frame. */
async function interruption(viewer: Watched): Promise<number> {
  await framesAdvance(viewer.page, 5);
  return (await viewer.picture()).longestGap;
}

async function reload(page: Page, viewers: readonly Watched[]): Promise<number[]> {
  for (const viewer of viewers) await viewer.reset();
  // Frames of before would be taken for those of after.
  const away = viewers.map(({ page }) => status(page, 'away'));
  await page.reload({ waitUntil: 'commit' });
  await Promise.all(away);
  await Promise.all(viewers.map(({ page }) => status(page, 'live')));
  const gaps = await Promise.all(viewers.map(interruption));
  await status(page, 'live');
  return gaps;
}

test('the publish page is reloaded 20 times: it goes on by itself, and none of 10 viewers rejoins', async () => {
  const server = await startServer({ PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY });
  cleanup.push(() => server.stop());
  const browser = await launchBrowser();
  cleanup.push(() => browser.close());
  const context = await browser.newContext();
  const { page, stream, link } = await publish(context, server.url, { stream: 'reload', resolution: '360' });
  page.on('dialog', (dialog) => dialog.accept());
  const viewers = await Promise.all(
    Array.from({ length: BROWSER_VIEWERS }, () => watchClosely(browser, link)),
  );
  let ends = 0;
  for (let n = 0; n < OTHER_VIEWERS; n++) {
    const viewer = new WsViewer({ url: new URL(server.wsUrl), stream, onEnded: () => ends++ });
    cleanup.push(() => viewer.close());
    await viewer.open();
    await viewer.connected();
  }
  for (const viewer of viewers) await framesAdvance(viewer.page);
  // The first one is not counted as waste: from then on nothing more may come.
  const gaps = await reload(page, viewers);
  const before = await held(server);
  expect(before).toMatchObject({ publishers: 1, viewers: BROWSER_VIEWERS + OTHER_VIEWERS, waiting: 0 });
  const megabytes = residentMegabytes(server.process.pid);
  for (let n = 1; n < RELOADS; n++) gaps.push(...(await reload(page, viewers)));

  gaps.sort((a, b) => a - b);
  const [median, worst] = [gaps[gaps.length >> 1] ?? Number.NaN, gaps.at(-1) ?? Number.NaN].map(Math.round);
  console.log(
    `publisher reloaded ${RELOADS} times: viewers saw a still picture for ${median} ms (median), ${worst} ms (worst); ` +
      `server ${megabytes} MB after the first, ${residentMegabytes(server.process.pid)} MB after the last`,
  );
  await expect.poll(() => held(server), { timeout: 15_000 }).toEqual(before);
  expect(ends).toBe(0);
  for (const viewer of viewers) {
    expect(await viewer.peers()).toBe(1);
    const tracks = await viewer.page.evaluate(async () => {
      const stats = await window.pharos?.getStats();
      return [...(stats?.values() ?? [])].filter(({ type }) => type === 'inbound-rtp').length;
    });
    // Sound, picture, mediasoup-client's for probing; the first section of all can be emptied, but not used again.
    expect(tracks).toBeLessThanOrEqual(4);
  }
}, 300_000);

test('a second tab that remembers what the first one sends leaves it to that', async () => {
  const server = await startServer();
  cleanup.push(() => server.stop());
  const browser = await launchBrowser();
  cleanup.push(() => browser.close());
  const context = await browser.newContext();
  const { page } = await publish(context, server.url, { stream: 'two-tabs', resolution: '360' });
  // As by Duplicate: session storage is copied to what a page opens.
  const opened = context.waitForEvent('page');
  await page.evaluate(() => void window.open(location.href));
  const copy = await opened;
  await copy.waitForSelector('#start:enabled');
  const remembered = () => copy.evaluate(() => sessionStorage.getItem('pharos.live'));
  await expect.poll(remembered, { timeout: 10_000 }).toBeNull();
  await status(page, 'live');
  expect(server.records('stream live')).toHaveLength(1);
});
