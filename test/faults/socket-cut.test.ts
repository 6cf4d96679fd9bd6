import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, publish, status } from '../helpers/browser.ts';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { watch } from '../helpers/client.ts';
import { scrape } from '../helpers/metrics.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { startTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';
import { watchClosely } from '../helpers/watched.ts';

const CUT_MS = 5000;

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function serve(): Promise<{ server: TestServer; proxy: TcpProxy; browser: Browser }> {
  const server = await startServer({ PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY });
  cleanup.push(() => server.stop());
  const proxy = await startTcpProxy(() => server.port);
  cleanup.push(() => proxy.close());
  const browser = await launchBrowser();
  cleanup.push(() => browser.close());
  return { server, proxy, browser };
}

test('WebSockets cut for 5 s: the picture never stops, both sessions go on, what was missed arrives', async () => {
  const { server, proxy, browser } = await serve();
  const context = await browser.newContext();
  const publisher = await publish(context, proxy.url, { stream: 'cut', resolution: '360' });
  const viewer = await watchClosely(browser, publisher.link);
  await framesAdvance(viewer.page, 30);
  const joins = async () => (await scrape(server.url)).value('pharos_joins_total');
  const before = { joins: await joins(), peers: await viewer.peers() };
  expect(before.joins).toBe(2);
  await viewer.reset();

  proxy.cut();
  await expect.poll(async () => (await scrape(server.url)).value('pharos_websockets')).toBe(0);
  const other = await watch(server.wsUrl, publisher.stream);
  cleanup.push(() => other.client.close());
  await delay(CUT_MS);
  proxy.mend();
  const mendedAt = performance.now();
  for (const page of [publisher.page, viewer.page]) {
    await expect.poll(() => page.textContent('#viewer-count'), { timeout: 15_000 }).toMatch(/^\D*2\b/);
  }
  const resumedIn = performance.now() - mendedAt;
  const { frames, longestGap } = await viewer.picture();
  console.log(
    `WebSockets cut for ${CUT_MS} ms: ${frames} frames meanwhile, longest gap ${Math.round(longestGap)} ms; ` +
      `resumed ${Math.round(resumedIn)} ms after the network was back`,
  );
  expect(longestGap).toBeLessThan(1000);
  expect(await viewer.peers()).toBe(before.peers);
  // That of the other viewer alone came on top.
  expect(await joins()).toBe(3);
  await status(viewer.page, 'live');
  await status(publisher.page, 'live');
});

test('the end of a stream, missed while the WebSocket was cut, is told afterwards', async () => {
  const { server, proxy, browser } = await serve();
  const publisher = await publish(await browser.newContext(), server.url, { resolution: '360' });
  const viewer = await watchClosely(browser, `${proxy.url}/watch/${publisher.stream}`);
  await framesAdvance(viewer.page);
  proxy.cut();
  await publisher.page.click('#stop');
  await server.record('stream ended');
  proxy.mend();
  await status(viewer.page, 'ended');
  expect(await viewer.page.textContent('main')).toMatch(/has ended/);
});

test('cut for longer than the grace time: publisher and viewer join anew by themselves', async () => {
  const server = await startServer({ PHAROS_LIMITS_SESSION_GRACE: 1 });
  cleanup.push(() => server.stop());
  const proxy = await startTcpProxy(() => server.port);
  cleanup.push(() => proxy.close());
  const browser = await launchBrowser();
  cleanup.push(() => browser.close());
  const context = await browser.newContext();
  const publisher = await publish(context, proxy.url, { stream: 'grace', resolution: '360' });
  const viewer = await watchClosely(browser, publisher.link);
  await framesAdvance(viewer.page);
  proxy.cut();
  await status(viewer.page, 'reconnecting');
  await status(publisher.page, 'reconnecting');
  proxy.mend();
  await status(publisher.page, 'live');
  await status(viewer.page, 'live');
  await framesAdvance(viewer.page);
  expect(await viewer.peers()).toBe(2);
});
