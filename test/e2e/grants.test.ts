/** Grants as people meet them: links in a real Chromium. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KEYS, token } from '../helpers/authority.ts';
import { framesAdvance, launchBrowser, openWatch, status } from '../helpers/browser.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const STREAM = 'board-1';
let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  server = await startServer({
    PHAROS_AUTH_PUBLISH: 'key',
    PHAROS_AUTH_ADMIN_KEY: KEYS.admin,
    PHAROS_AUTH_JWT_SECRET: KEYS.jwt,
    PHAROS_AUTH_PRIVATE: 'board-*',
  });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

async function revoke(jti: string): Promise<number> {
  await fetch(`${server.url}/api/revoke`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${KEYS.admin}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ jti }),
  });
  return performance.now();
}

test('a private stream by its links: publish, watch, and both taken back', async () => {
  const publishKey = await token({ actions: ['publish'], stream: STREAM, id: 'publisher', ttl: 600 });
  const watchKey = await token({ stream: STREAM, id: 'viewer', ttl: 600 });
  const context = await browser.newContext();
  const publisher = await context.newPage();
  await publisher.goto(`${server.url}/publish?stream=${STREAM}#key=${publishKey}`);
  await publisher.waitForSelector('#start:enabled');
  expect(publisher.url()).not.toContain(publishKey);
  await publisher.click('#start');
  await status(publisher, 'live');
  expect((await publisher.textContent('#stream-id'))?.trim()).toBe(STREAM);

  const stranger = await openWatch(context, `${server.url}/watch/${STREAM}`);
  await stranger.getByText('This stream is private').waitFor();
  const viewer = await openWatch(await browser.newContext(), `${server.url}/watch/${STREAM}#key=${watchKey}`);
  await framesAdvance(viewer);
  expect(viewer.url()).not.toContain(watchKey);
  // The tab remembers it.
  await viewer.reload();
  await framesAdvance(viewer);

  const viewerRevoked = await revoke('viewer');
  await viewer.getByText('You may not watch this any longer').waitFor();
  console.info(
    `the watch page said so ${(performance.now() - viewerRevoked).toFixed(0)} ms after the revocation`,
  );
  await viewer.reload();
  await viewer.getByText('This stream is private').waitFor();

  const publisherRevoked = await revoke('publisher');
  await publisher.getByText('You may not publish any longer').waitFor();
  console.info(
    `the publish page said so ${(performance.now() - publisherRevoked).toFixed(0)} ms after the revocation`,
  );
  expect(server.output()).not.toContain('eyJ');
}, 120_000);
