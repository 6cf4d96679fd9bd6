/** Pages whose viewers are on another worker than the publisher: what the pipe carries, as Chromium sees it. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { types } from 'mediasoup';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, openWatch, publish, received, status } from '../helpers/browser.ts';
import { type Here, startHere } from '../helpers/here.ts';

let here: Here;
let browser: Browser;
let context: BrowserContext;
let elsewhere: Server;
/** Those of viewers on other workers than the publisher's, and of the pipe. */
const consumers: types.Consumer[] = [];

beforeAll(async () => {
  here = await startHere();
  here.spread();
  for (const { router } of here.pool.workers) {
    router.observer.on('newtransport', (transport) => {
      if (transport.type === 'webrtc') transport.observer.on('newconsumer', (each) => consumers.push(each));
    });
  }
  elsewhere = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(readFileSync(join(import.meta.dirname, '../../docs/whip-publisher.html')));
  }).listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  browser = await launchBrowser(['--autoplay-policy=no-user-gesture-required']);
  context = await browser.newContext();
});
afterAll(async () => {
  await browser?.close();
  elsewhere?.close();
  await here?.stop();
});

const pipes = () => here.pool.snapshot().workers.map((worker) => worker.pipes);

test.each(['VP8', 'H264'] as const)('%s, its sound, its size; Stop, and again', async (codec) => {
  const { page, link } = await publish(context, here.url, { codec, resolution: '360' });
  const viewer = await openWatch(context, link);
  await status(viewer, 'live');
  await framesAdvance(viewer);
  expect(pipes()).toEqual([1, 1]);
  const seen = await received(viewer);
  expect(seen).toMatchObject({ codec: `video/${codec}`, height: 360 });
  expect(seen.audioEnergy).toBeGreaterThan(0);
  await page.click('#stop');
  await status(viewer, 'ended');
  expect(pipes()).toEqual([0, 0]);
  await page.click('#start');
  await status(viewer, 'live');
  await framesAdvance(viewer);
  expect(pipes()).toEqual([1, 1]);
  await viewer.close();
  await page.close();
});

test('all layers of a simulcast cross, and each viewer’s choice among them', async () => {
  const address = elsewhere.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const publisher = await context.newPage();
  const endpoint = encodeURIComponent(`${here.url}/whip/layers`);
  await publisher.goto(`http://localhost:${address.port}/whip-publisher.html?endpoint=${endpoint}`);
  await publisher.check('#simulcast');
  await publisher.click('form button[type="submit"]');
  await publisher.waitForFunction(() =>
    document.querySelector('#status')?.textContent?.includes('connected'),
  );
  const viewer = await openWatch(context, `${here.url}/watch/layers`);
  await status(viewer, 'live');
  const height = () => viewer.evaluate(() => document.querySelector('video')?.videoHeight ?? 0);
  // How far up depends on what else this machine does: the browser encodes all of them.
  await expect.poll(height, { timeout: 30_000 }).toBeGreaterThanOrEqual(360);
  expect(pipes()).toEqual([1, 1]);
  const consumer = consumers.findLast(({ type }) => type === 'simulcast');
  await consumer?.setPreferredLayers({ spatialLayer: 0 });
  await expect.poll(height, { timeout: 20_000 }).toBe(180);
  await consumer?.setPreferredLayers({ spatialLayer: 2 });
  await expect.poll(height, { timeout: 30_000 }).toBeGreaterThanOrEqual(360);
  await framesAdvance(viewer);
});
