import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { capabilities, publish, TestClient } from '../helpers/client.ts';
import { publishMedia, watchPackets } from '../helpers/live.ts';
import { scrape } from '../helpers/metrics.ts';
import { startServer } from '../helpers/server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test('a server process that does not keep up refuses joins, by every way in, until it does', async () => {
  const server = await startServer({
    PHAROS_AUTH_PUBLISH: 'open',
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
    PHAROS_LIMITS_EVENT_LOOP_DELAY: 250,
  });
  closing.push(() => server.stop());
  const running = await publishMedia(server.url, 'running', 'vp8');
  closing.push(() => running.stop());
  const viewer = await watchPackets(server.url, 'running');
  closing.push(() => viewer.stop());
  const client = await TestClient.connect(server.wsUrl);
  const rtpCapabilities = await capabilities(client);
  await viewer.seconds('video', 1);

  // Held for most of the time: that is how it is when there is too much to do. Media workers go on.
  const { process: child } = server;
  const packets = viewer.of.video.length;
  while (server.records('overloaded: joins are refused').length === 0) {
    child.kill('SIGSTOP');
    await delay(600);
    child.kill('SIGCONT');
    await delay(30);
  }
  for (const message of [
    { type: 'publish', stream: 'new', tracks: ['video'] },
    { type: 'watch', stream: 'running', rtpCapabilities },
  ]) {
    expect(await client.refusal(message)).toMatchObject({ code: 'server_full' });
  }
  for (const join of [
    () => publishMedia(server.url, 'new', 'vp8'),
    () => watchPackets(server.url, 'running'),
  ]) {
    await expect(join()).rejects.toMatchObject({ status: 503, code: 'server_full', retryAfter: 30 });
  }
  const { value } = await scrape(server.url);
  expect(value('pharos_overloaded')).toBe(1);
  expect(value('pharos_refusals_total', { code: 'server_full' })).toBe(4);
  expect(viewer.of.video.length).toBeGreaterThan(packets + 30);

  await server.record('no longer overloaded');
  await publish(server.wsUrl, { stream: 'new' });
  expect((await scrape(server.url)).value('pharos_overloaded')).toBe(0);
});
