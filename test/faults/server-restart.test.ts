import { afterEach, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, publish, status } from '../helpers/browser.ts';
import { freePorts, startServer } from '../helpers/server.ts';
import { watchClosely } from '../helpers/watched.ts';

const VIEWERS = 5;

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

test('the server is killed and started again: publisher page and 5 viewers come back by themselves', async () => {
  const port = await freePorts(1);
  const first = await startServer({ PHAROS_HTTP_PORT: port });
  cleanup.push(() => first.stop());
  const browser = await launchBrowser();
  cleanup.push(() => browser.close());
  const context = await browser.newContext();
  const publisher = await publish(context, first.url, { stream: 'phoenix', resolution: '360' });
  const viewers = await Promise.all(
    Array.from({ length: VIEWERS }, () => watchClosely(browser, publisher.link)),
  );
  for (const { page } of viewers) await framesAdvance(page);

  const killedAt = performance.now();
  await first.stop('SIGKILL');
  const second = await startServer({ PHAROS_HTTP_PORT: port });
  cleanup.push(() => second.stop());
  const upAt = performance.now();
  const times = await Promise.all(
    viewers.map(async ({ page }) => {
      await framesAdvance(page, 5);
      return performance.now() - upAt;
    }),
  );
  const [fastest, slowest] = [Math.min(...times), Math.max(...times)].map(Math.round);
  console.log(
    `server killed, up again after ${Math.round(upAt - killedAt)} ms; ` +
      `${VIEWERS} viewers see frames ${fastest} to ${slowest} ms after that`,
  );
  await status(publisher.page, 'live');
  for (const { page } of viewers) await status(page, 'live');
  await expect.poll(() => publisher.page.textContent('#viewer-count')).toMatch(/^\D*5\b/);
});
