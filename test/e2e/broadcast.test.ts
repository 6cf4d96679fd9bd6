import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  framesAdvance,
  launchBrowser,
  openPublish,
  openWatch,
  publish,
  received,
  status,
} from '../helpers/browser.ts';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { scrape } from '../helpers/metrics.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  server = await startServer({ PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
});
afterEach(() => context.close());

/** Where the size does not matter: a browser that encodes three of them takes more than a core. */
const SMALL = { resolution: '360' } as const;

/** Frames advance, and so does the energy of what is heard: the fake microphone beeps once a second. */
async function seesAndHears(page: Page): Promise<void> {
  await status(page, 'live');
  await framesAdvance(page);
  // Browsers decode no sound that nobody hears.
  const unmute = page.locator('#unmute');
  if (await unmute.isVisible()) await unmute.click();
  const before = await received(page);
  expect(before.frames).toBeGreaterThan(0);
  await expect
    .poll(async () => (await received(page)).audioPackets, { timeout: 10_000 })
    .toBeGreaterThan(before.audioPackets + 20);
  await expect
    .poll(async () => (await received(page)).audioEnergy, { timeout: 10_000 })
    .toBeGreaterThan(before.audioEnergy);
}

describe('from the publish page to viewers', () => {
  test.each(['VP8', 'H264'] as const)(
    '%s to three viewers at once, with sound; Stop ends it for all',
    async (codec) => {
      const { page: publisher, link } = await publish(context, server.url, { codec });
      const viewers = await Promise.all([1, 2, 3].map(() => openWatch(context, link)));
      for (const viewer of viewers) {
        await seesAndHears(viewer);
        expect(await received(viewer)).toMatchObject({ codec: `video/${codec}`, protocol: 'udp' });
        // Of a simulcast a smaller picture may come first, and on a busy machine also later.
        const size = async () => {
          const { width, height } = await received(viewer);
          return `${width}x${height}`;
        };
        await expect.poll(size, { timeout: 30_000 }).toBe('1280x720');
      }
      await expect.poll(() => publisher.textContent('#viewer-count')).toMatch(/^\D*3\b/);
      await publisher.click('#stop');
      for (const viewer of viewers) {
        await status(viewer, 'ended');
        expect(await viewer.textContent('#status')).toMatch(/ended/i);
      }
    },
  );

  test.each([
    ['VP8', '360', 640, 360],
    ['VP8', '1080', 1920, 1080],
    ['H264', '480', 854, 480],
    ['H264', '1080', 1920, 1080],
  ] as const)('%s: chosen %sp is what is received', async (codec, resolution, width, height) => {
    const { link } = await publish(context, server.url, { codec, resolution });
    const viewer = await openWatch(context, link);
    await framesAdvance(viewer, 10);
    // On a busy machine a smaller size comes first.
    await expect.poll(async () => (await received(viewer)).height, { timeout: 30_000 }).toBe(height);
    expect(Math.abs((await received(viewer)).width - width)).toBeLessThanOrEqual(2);
  });

  test('a late viewer sees it too, while others come and go', async () => {
    const { link } = await publish(context, server.url, SMALL);
    const first = await openWatch(context, link);
    await framesAdvance(first, 20);
    const late = await openWatch(context, link);
    await seesAndHears(late);
    await first.close();
    await seesAndHears(late);
  });

  test('a viewer before the publisher waits, and starts by itself', async () => {
    const viewer = await openWatch(context, `${server.url}/watch/early-bird`);
    await status(viewer, 'waiting');
    await publish(context, server.url, { ...SMALL, stream: 'early-bird' });
    await seesAndHears(viewer);
  });

  test('after Stop the same page goes live again, and those who stayed see it', async () => {
    const { page, link, stream } = await publish(context, server.url, SMALL);
    const viewer = await openWatch(context, link);
    await seesAndHears(viewer);
    await page.click('#stop');
    await status(viewer, 'ended');
    await page.click('#start');
    await status(page, 'live');
    expect(await page.textContent('#stream-id')).toContain(stream);
    await seesAndHears(viewer);
  });

  test('a reload of the publish page goes on with the stream; viewers see it again by themselves', async () => {
    const { page, link, stream } = await publish(context, server.url, SMALL);
    const viewer = await openWatch(context, link);
    await seesAndHears(viewer);
    page.on('dialog', (dialog) => dialog.accept());
    await page.reload();
    await status(viewer, 'away');
    await status(page, 'live');
    await status(viewer, 'live');
    expect(await page.textContent('#stream-id')).toContain(stream);
    await seesAndHears(viewer);
  });

  test('a reload of the watch page plays again', async () => {
    const { link } = await publish(context, server.url, SMALL);
    const viewer = await openWatch(context, link);
    await seesAndHears(viewer);
    await viewer.reload();
    await seesAndHears(viewer);
  });

  test('a second publisher on the same id is told so; the first goes on', async () => {
    const { page, stream, link } = await publish(context, server.url, { ...SMALL, stream: 'mine' });
    const other = await openPublish(await browser.newContext(), server.url, { ...SMALL, stream });
    await other.click('#start');
    await status(other, 'failed');
    expect(await other.textContent('body')).toMatch(/mine.*already|in use/i);
    await status(page, 'live');
    await seesAndHears(await openWatch(context, link));
    await other.context().close();
  });

  test('an identifier typed by hand', async () => {
    const { stream } = await publish(context, server.url, SMALL);
    const viewer = await openWatch(context, `${server.url}/watch`);
    await viewer.fill('#identifier', stream);
    await viewer.press('#identifier', 'Enter');
    await seesAndHears(viewer);
    expect(viewer.url()).toBe(`${server.url}/watch/${stream}`);
  });

  test('the link that is shown is the one to watch by', async () => {
    const { link, stream } = await publish(context, server.url, SMALL);
    expect(link).toBe(`${server.url}/watch/${stream}`);
  });

  test('a viewer whose network lets no UDP through gets it by TCP', async () => {
    const { link } = await publish(context, server.url, SMALL);
    const tcpOnly = await launchBrowser(['--webrtc-ip-handling-policy=disable_non_proxied_udp']);
    try {
      const viewer = await openWatch(await tcpOnly.newContext(), link);
      await seesAndHears(viewer);
      expect((await received(viewer)).protocol).toBe('tcp');
    } finally {
      await tcpOnly.close();
    }
  });
});

test('a join takes at most five messages and 10 kB from open to first media', async () => {
  const { link } = await publish(context, server.url);
  const viewer = await context.newPage();
  const messages: string[] = [];
  viewer.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => messages.push(String(payload)));
    socket.on('framereceived', ({ payload }) => messages.push(String(payload)));
  });
  await viewer.goto(link);
  await framesAdvance(viewer, 1);
  // A viewer count may have come since, or another layer; they are no part of the join.
  const join = messages.filter((message) => !/"type":"(viewers|layer)"/.test(message));
  const bytes = Buffer.byteLength(join.join(''));
  console.info(`join: ${join.length} messages, ${bytes} bytes`);
  expect(join.length).toBeLessThanOrEqual(5);
  expect(bytes).toBeLessThanOrEqual(10_000);
});

test('the page reports its first frame, once, some time after the join', async () => {
  const { link } = await publish(context, server.url);
  const figures = async () => {
    const { value } = await scrape(server.url);
    return { count: value('pharos_first_frame_seconds_count'), sum: value('pharos_first_frame_seconds_sum') };
  };
  // Pages of tests before may still be about to.
  await expect
    .poll(async () => (await scrape(server.url)).value('pharos_viewers', { protocol: 'websocket' }))
    .toBe(0);
  const { count: before = 0, sum: sumBefore = 0 } = await figures();
  const viewer = await openWatch(context, link);
  await framesAdvance(viewer, 10);
  const seen = await viewer.evaluate(() => {
    const at = (name: string) => performance.getEntriesByName(name)[0]?.startTime ?? Number.NaN;
    return at('pharos:first-frame') - at('pharos:join');
  });
  await expect.poll(async () => (await figures()).count, { timeout: 10_000 }).toBe(before + 1);
  const { sum = 0 } = await figures();
  expect(Math.abs((sum - sumBefore) * 1000 - seen)).toBeLessThan(20);
  await framesAdvance(viewer, 60);
  expect((await figures()).count).toBe(before + 1);
});

test('one negotiation before the first frame; that for bandwidth probation comes later', async () => {
  const { link } = await publish(context, server.url);
  const viewer = await context.newPage();
  await viewer.addInitScript(() => {
    const negotiate = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function (description: RTCSessionDescriptionInit) {
      performance.mark('test:negotiation');
      return Reflect.apply(negotiate, this, [description]);
    };
  });
  await viewer.goto(link);
  await framesAdvance(viewer, 1);
  const negotiations = () => viewer.evaluate(() => performance.getEntriesByName('test:negotiation').length);
  expect(await negotiations()).toBe(1);
  await expect.poll(negotiations, { timeout: 10_000 }).toBe(2);
  await seesAndHears(viewer);
});
