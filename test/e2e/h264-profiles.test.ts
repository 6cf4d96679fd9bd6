/** What an encoder says of its H.264 is no matter to the watch page: it plays main and high too. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, openWatch, received, status } from '../helpers/browser.ts';
import { publishMedia } from '../helpers/live.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test.each([
  ['constrained baseline', 'h264', '42e01f'],
  ['baseline', 'h264', '420028'],
  ['main', 'h264-high', '4d0028'],
  ['high', 'h264-high', '640028'],
  ['constrained high', 'h264-high', '640c28'],
] as const)('%s', async (_name, file, profileLevelId) => {
  const stream = `profile-${profileLevelId}`;
  const live = await publishMedia(server.url, stream, file, { profileLevelId });
  const context = await browser.newContext();
  const page = await openWatch(context, `${server.url}/watch/${stream}`);
  await status(page, 'live');
  await framesAdvance(page, 40);
  expect(await received(page)).toMatchObject({ codec: 'video/H264', width: 640, height: 360 });
  await context.close();
  await live.stop();
});
