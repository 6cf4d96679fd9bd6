import type { Browser } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, openPublish, openWatch, publish, status } from '../helpers/browser.ts';
import { freePorts, startServer, type TestServer } from '../helpers/server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function serve(settings: Record<string, string | number> = {}): Promise<TestServer> {
  const server = await startServer(settings);
  cleanup.push(() => server.stop());
  return server;
}

async function browse(args: string[] = [], without: string[] = []): Promise<Browser> {
  const browser = await launchBrowser(args, without);
  cleanup.push(() => browser.close());
  return browser;
}

test('permission denied: the page says what happened and what to do', async () => {
  const server = await serve();
  const browser = await browse(['--deny-permission-prompts'], ['--use-fake-ui-for-media-stream']);
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/publish`);
  await page.waitForFunction(
    () => /allow/i.test(document.body.textContent ?? '') && /camera/i.test(document.body.textContent ?? ''),
  );
  expect(await page.locator('[role="alert"]').first().textContent()).toMatch(/denied|blocked|not allowed/i);
});

test('no camera and no microphone: the page says so', async () => {
  const server = await serve();
  const browser = await browse([], ['--use-fake-device-for-media-stream']);
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/publish`);
  await page.waitForSelector('[role="alert"]');
  expect(await page.locator('[role="alert"]').first().textContent()).toMatch(
    /no (camera|microphone)|not found/i,
  );
});

test('an insecure origin: the page says why there is no camera', async () => {
  const server = await serve({ PHAROS_AUTH_PUBLISH: 'open' });
  const browser = await browse(['--host-resolver-rules=MAP pharos.test 127.0.0.1']);
  const page = await (await browser.newContext()).newPage();
  await page.goto(`http://pharos.test:${server.port}/publish`);
  await page.waitForSelector('[role="alert"]');
  expect(await page.locator('[role="alert"]').first().textContent()).toMatch(/https/i);
});

test('the printed link with the key publishes; without it the page asks for the key', async () => {
  const key = 'correct-horse-battery-staple';
  const server = await serve({ PHAROS_AUTH_PUBLISH: 'key', PHAROS_AUTH_PUBLISH_KEY: key });
  const browser = await browse();
  const context = await browser.newContext();
  const without = await openPublish(context, server.url);
  await without.waitForSelector('#key');
  await without.fill('#key', 'a-wrong-key-of-some-length');
  await without.click('#start');
  await status(without, 'failed');
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/publish#key=${key}`);
  await page.waitForSelector('#start:enabled');
  expect(page.url()).not.toContain(key);
  await page.click('#start');
  await status(page, 'live');
  expect(await page.textContent('#watch-link')).not.toContain(key);
});

test('a refused connect, which nobody waits for, still ends in a clear error', async () => {
  const server = await serve();
  const browser = await browse();
  const context = await browser.newContext();
  const { link } = await publish(context, server.url);
  const viewer = await context.newPage();
  await viewer.addInitScript(() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data: string) {
      Reflect.apply(send, this, [data.replace(/("algorithm":"sha-256","value":")[^"]*/, '$1none')]);
    };
  });
  await viewer.goto(link);
  await status(viewer, 'failed');
  expect(await viewer.textContent('main')).toMatch(/fingerprint/);
});

test('an impossible identifier is said to be one', async () => {
  const server = await serve();
  const browser = await browse();
  const context = await browser.newContext();
  const viewer = await openWatch(context, `${server.url}/watch/${encodeURIComponent('no such/thing')}`);
  await status(viewer, 'failed');
  const typed = await openWatch(context, `${server.url}/watch`);
  await typed.fill('#identifier', 'spaces are not possible');
  await typed.press('#identifier', 'Enter');
  await typed.waitForSelector('[role="alert"]');
});

test('nobody goes live in time: not found', async () => {
  const server = await serve({ PHAROS_LIMITS_WAIT_TIME: 1 });
  const browser = await browse();
  const viewer = await openWatch(await browser.newContext(), `${server.url}/watch/nobody`);
  await status(viewer, 'ended');
  expect(await viewer.textContent('#status')).toMatch(/not found|nobody|not live/i);
});

test('the server restarts: publisher and viewer come back by themselves', async () => {
  const port = await freePorts(1);
  const first = await startServer({ PHAROS_HTTP_PORT: port });
  cleanup.push(() => first.stop());
  const browser = await browse();
  const context = await browser.newContext();
  const { page, link } = await publish(context, first.url, { stream: 'phoenix' });
  const viewer = await openWatch(context, link);
  await framesAdvance(viewer);
  await first.stop('SIGKILL');
  const second = await serve({ PHAROS_HTTP_PORT: port });
  await second.record('stream live');
  await framesAdvance(viewer);
  await status(page, 'live');
  await status(viewer, 'live');
});

test('a media worker dies: publisher and viewer come back by themselves', async () => {
  const server = await serve({ PHAROS_MEDIA_WORKERS: 1 });
  const browser = await browse();
  const context = await browser.newContext();
  const { page, link } = await publish(context, server.url, { stream: 'undead' });
  const viewer = await openWatch(context, link);
  await framesAdvance(viewer);
  process.kill(Number(server.records('media worker up')[0]?.pid), 'SIGKILL');
  await status(viewer, 'away');
  await status(page, 'live');
  await status(viewer, 'live');
  await framesAdvance(viewer);
});
