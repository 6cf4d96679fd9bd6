import { afterEach, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, publish, status } from '../helpers/browser.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { startTcpProxy } from '../helpers/tcp-proxy.ts';
import { watchClosely } from '../helpers/watched.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function isReady({ url }: TestServer): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

test('two servers behind one address, the first told to end: all move to the second, with one short interruption at most', async () => {
  const servers = [await startServer(), await startServer()] as const;
  for (const server of servers) cleanup.push(() => server.stop('SIGKILL'));
  const [first, second] = servers;
  const proxy = await startTcpProxy(async () => {
    for (const server of servers) if (await isReady(server)) return server.port;
    return undefined;
  });
  cleanup.push(() => proxy.close());
  const browser = await launchBrowser();
  cleanup.push(() => browser.close());
  const context = await browser.newContext();
  const publisher = await publish(context, proxy.url, { stream: 'rolling', resolution: '360' });
  const viewers = [await watchClosely(browser, publisher.link), await watchClosely(browser, publisher.link)];
  for (const viewer of viewers) await framesAdvance(viewer.page, 30);
  expect(second.records('stream live')).toHaveLength(0);
  for (const viewer of viewers) await viewer.reset();

  const toldAt = performance.now();
  const exited = first.stop('SIGTERM');
  await second.record('stream live');
  await expect
    .poll(() => publisher.page.textContent('#viewer-count'), { timeout: 20_000 })
    .toMatch(/^\D*2\b/);
  const movedIn = performance.now() - toldAt;
  expect(await exited).toBe(0);
  for (const viewer of viewers) await framesAdvance(viewer.page, 30);
  const gaps: number[] = [];
  for (const viewer of viewers) {
    gaps.push(Math.round((await viewer.picture()).longestGap));
    await status(viewer.page, 'live');
    // One for each server.
    expect(await viewer.peers()).toBe(2);
  }
  await status(publisher.page, 'live');
  console.log(
    `rolling restart: all moved within ${Math.round(movedIn)} ms; longest time without a frame ${gaps.join(' and ')} ms`,
  );
  expect(Math.max(...gaps)).toBeLessThan(5000);
});
