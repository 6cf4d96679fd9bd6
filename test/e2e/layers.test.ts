/** The sizes in which a page publishes, and a viewer's choice among them, in Chromium. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { openLib, sentLayers, shownHeight } from '../helpers/lib-page.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  server = await startServer();
  browser = await launchBrowser(['--autoplay-policy=no-user-gesture-required']);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** A machine that is busy sends few frames, and an estimate grows slowly on it. */
const PATIENCE = { timeout: 30_000 };
const SIZES = {
  720: { width: 1280, height: 720 },
  480: { width: 854, height: 480 },
  360: { width: 640, height: 360 },
};

async function publish(codec: 'VP8' | 'H264', height: keyof typeof SIZES): Promise<Page> {
  const page = await openLib(browser, server.url);
  await page.evaluate(
    ([stream, codec, size]) =>
      window.lib.publish(
        { stream, video: { codec, height: size.height, frameRate: 15, maxBitrate: 1_800_000 } },
        { picture: { ...size, frameRate: 10 }, tones: [440, 880] },
      ),
    [`${codec}-${height}`, codec, SIZES[height]] as const,
  );
  return page;
}

async function watch(stream: string): Promise<Page> {
  const page = await openLib(browser, server.url);
  await page.evaluate((id) => void window.lib.watch(id), stream);
  return page;
}

const shown = (page: Page) => page.evaluate(() => window.seen?.frames.map(({ height }) => height) ?? []);
const heights = async (page: Page) => (await sentLayers(page)).map(({ height }) => height);
const prefer = (page: Page, wish: { video: boolean; spatialLayer?: number }) =>
  page.evaluate((each) => window.viewer?.prefer(each), wish);
const layers = (page: Page) => page.evaluate(() => window.viewer?.layers);
/** Packets of sound that have come. */
const sound = (page: Page) =>
  page.evaluate(async () => {
    const reports = [...((await window.viewer?.getStats())?.values() ?? [])];
    return Number(
      reports.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'audio')?.packetsReceived,
    );
  });

test.each(['VP8', 'H264'] as const)(
  '%s: each height, sound alone, another source',
  async (codec) => {
    const publisher = await publish(codec, 720);
    await expect.poll(() => heights(publisher), PATIENCE).toEqual([180, 360, 720]);
    const viewer = await watch(`${codec}-720`);
    await expect.poll(() => shownHeight(viewer), PATIENCE).toBe(720);
    for (const [spatialLayer, height] of [180, 360].entries()) {
      await prefer(viewer, { video: true, spatialLayer });
      await expect.poll(() => shownHeight(viewer), PATIENCE).toBe(height);
      await expect.poll(() => layers(viewer), PATIENCE).toEqual({ scales: [4, 2, 1], current: spatialLayer });
    }

    await prefer(viewer, { video: false });
    await expect.poll(() => layers(viewer), PATIENCE).toEqual({ scales: [4, 2, 1], current: null });
    const before = await sound(viewer);
    await expect.poll(() => sound(viewer), PATIENCE).toBeGreaterThan(before);
    await prefer(viewer, { video: true });
    await expect.poll(() => shownHeight(viewer), PATIENCE).toBe(720);

    // Too small for several, larger than what was chosen, and back: nobody joins anew.
    for (const [size, sent, shown] of [
      [SIZES[360], [0, 0, 360], 360],
      [{ width: 1920, height: 1080 }, [180, 360, 720], 720],
      [SIZES[480], [240, 480, 0], 480],
    ] as const) {
      await publisher.evaluate((picture) => window.lib.repicture({ ...picture, frameRate: 10 }), size);
      await expect.poll(() => heights(publisher), PATIENCE).toEqual(sent);
      await expect.poll(() => shownHeight(viewer), PATIENCE).toBe(shown);
    }
    await viewer.context().close();
    await publisher.context().close();
  },
  180_000,
);

test('a wish is remembered: a stream that is waited for, its next publisher', async () => {
  const viewer = await watch('VP8-480');
  await prefer(viewer, { video: true, spatialLayer: 0 });
  for (let times = 0; times < 2; times++) {
    const publisher = await publish('VP8', 480);
    await expect.poll(() => shownHeight(viewer), PATIENCE).toBe(240);
    await expect.poll(() => layers(viewer), PATIENCE).toEqual({ scales: [2, 1], current: 0 });
    // Before, another size may have come first: mediasoup changes only when it can tell the two times apart.
    const before = (await shown(viewer)).length;
    await expect.poll(async () => (await shown(viewer)).length, PATIENCE).toBeGreaterThan(before + 5);
    expect((await shown(viewer)).slice(before)).not.toContain(480);
    await publisher.context().close();
  }
  await viewer.context().close();
}, 120_000);

test('a small picture has one size, and nothing to choose from', async () => {
  const publisher = await publish('VP8', 360);
  const viewer = await watch('VP8-360');
  await expect.poll(() => shownHeight(viewer), PATIENCE).toBe(360);
  expect(await heights(publisher)).toHaveLength(1);
  expect(await layers(viewer)).toBeUndefined();
  await viewer.context().close();
  await publisher.context().close();
}, 90_000);
