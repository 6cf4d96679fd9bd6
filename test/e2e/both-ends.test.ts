/** What publisher and viewer are told of each other: title, statistics, audience, what limits whom. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { openLib } from '../helpers/lib-page.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const KEY = 'an-administrator-of-tests';
/** Looks are every 2 s, reports every 10 s, and this machine is busy. */
const PATIENCE = { timeout: 45_000 };

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  server = await startServer({ PHAROS_AUTH_ADMIN_KEY: KEY });
  browser = await launchBrowser(['--autoplay-policy=no-user-gesture-required']);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const SETTINGS = { video: { codec: 'VP8', height: 360, frameRate: 20, maxBitrate: 800_000 } } as const;
const MEDIA = { picture: { width: 640, height: 360 }, tones: [440, 880] } as {
  picture: { width: number; height: number };
  tones: [number, number];
};

async function publishing(stream: string, title?: string): Promise<Page> {
  const page = await openLib(browser, server.url);
  await page.evaluate(
    async ([options, media]) => {
      await window.lib.publish(options, media);
    },
    [{ ...SETTINGS, stream, title }, MEDIA] as const,
  );
  return page;
}

async function watching(stream: string): Promise<Page> {
  const page = await openLib(browser, server.url);
  await page.evaluate((id) => void window.lib.watch(id), stream);
  await page.waitForFunction(() => (window.seen?.frames.length ?? 0) > 5);
  return page;
}

const streams = async () => {
  const headers = { Authorization: `Bearer ${KEY}` };
  const { streams: list } = await (await fetch(`${server.url}/api/streams`, { headers })).json();
  return list;
};

describe('a title', () => {
  test('is told with the tracks, when it changes, and to administrators; it outlives a reload', async () => {
    const publisher = await publishing('titled', 'Lecture 1');
    const viewer = await watching('titled');
    const title = () => viewer.evaluate(() => window.viewer?.title);
    expect(await title()).toBe('Lecture 1');
    await publisher.evaluate(() => window.publisher?.setTitle('Lecture 1: waves 🌊'));
    await expect.poll(title).toBe('Lecture 1: waves 🌊');
    expect(await streams()).toContainEqual(
      expect.objectContaining({ stream: 'titled', title: 'Lecture 1: waves 🌊' }),
    );
    const refusal = await publisher.evaluate(() =>
      window.publisher?.setTitle('two\nlines').catch((error: Error) => error.message),
    );
    expect(refusal).toMatch(/one line/);

    // Another page goes on with it, and says nothing of a title.
    const session = await publisher.evaluate(() => {
      const { publisher: publishes } = window;
      return publishes?.state.name === 'live' ? publishes.state.published.session : '';
    });
    await publisher.close();
    const successor = await openLib(browser, server.url);
    await successor.evaluate(
      async ([options, media]) => {
        await window.lib.publish(options, media);
      },
      [{ ...SETTINGS, stream: 'titled', resume: session }, MEDIA] as const,
    );
    const late = await watching('titled');
    for (const page of [viewer, late]) {
      await expect.poll(() => page.evaluate(() => window.viewer?.title)).toBe('Lecture 1: waves 🌊');
    }
    await successor.evaluate(() => window.publisher?.setTitle(''));
    await expect.poll(title).toBe('');
    await Promise.all([successor, viewer, late].map((page) => page.close()));
  });
});

describe('statistics', () => {
  test('are had by both, told to the server, and made into an audience', async () => {
    const publisher = await publishing('watched');
    await publisher.evaluate(() => window.publisher?.on('stats', (stats) => (window.stats = stats)));
    const viewer = await watching('watched');
    await viewer.evaluate(() => window.viewer?.on('stats', (stats) => (window.stats = stats)));
    const stats = (page: Page) => page.evaluate(() => window.stats);

    await expect
      .poll(() => stats(publisher), PATIENCE)
      .toMatchObject({
        ...{ height: 360, path: 'udp', codec: 'VP8', lost: 0 },
        layers: [expect.objectContaining({ height: 360, active: true })],
      });
    await expect
      .poll(() => stats(viewer), PATIENCE)
      .toMatchObject({
        ...{ height: 360, path: 'udp', codec: 'VP8', slowDecoder: false },
      });
    const audience = () => publisher.evaluate(() => window.publisher?.audience);
    await expect
      .poll(audience, PATIENCE)
      .toMatchObject({ viewers: 1, layers: [1], audioOnly: 0, overloaded: false });
    await viewer.evaluate(() => window.viewer?.prefer({ video: false }));
    await expect.poll(audience, PATIENCE).toMatchObject({ viewers: 1, layers: [0], audioOnly: 1 });
    await viewer.evaluate(() => window.viewer?.prefer({ video: true }));
    await expect.poll(audience, PATIENCE).toMatchObject({ layers: [1], audioOnly: 0, reporting: 1 });
    expect(await publisher.evaluate(() => window.publisher?.health)).toBeDefined();
    expect(server.records('request failed')).toEqual([]);
    await Promise.all([publisher, viewer].map((page) => page.close()));
  });
});

test('a check that pushes more than it may is ended by the server', async () => {
  const strict = await startServer({ PHAROS_LIMITS_PUBLISHER_BITRATE: 400_000 });
  const page = await openLib(browser, strict.url);
  const kept = await page.evaluate(() => window.lib.check());
  expect(kept).toMatchObject({ upload: { state: 'ok' }, refusal: undefined });
  // Of what is told at least; what the server allows was kept to.
  expect(kept.upload.bitrate).toBeLessThanOrEqual(400_000);
  const broken = await page.evaluate(() => {
    const { send } = RTCDataChannel.prototype;
    RTCDataChannel.prototype.send = function (this: RTCDataChannel, data: unknown) {
      for (let time = 0; time < 30; time++) Reflect.apply(send, this, [data]);
    };
    return window.lib.check();
  });
  expect(broken.upload).toMatchObject({ state: 'failed', bitrate: undefined });
  await page.close();
  await strict.stop();
});

declare global {
  interface Window {
    stats?: object;
  }
}
