/** SIGTERM: nobody new, those who are there move, recordings are finished, all of it in time. */
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { publish, TestClient, watch } from '../helpers/client.ts';
import { publishMedia, watchPackets } from '../helpers/live.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(settings: Record<string, string | number>): Promise<TestServer> {
  const server = await startServer({ PHAROS_AUTH_PUBLISH: 'open', ...settings });
  closing.push(() => server.stop('SIGKILL'));
  return server;
}

/** Sends the signal; resolves with the exit code, and after how many ms it came. */
async function ended({ process: child }: TestServer, ...signals: NodeJS.Signals[]) {
  const begun = performance.now();
  const exit = once(child, 'exit');
  for (const signal of signals) child.kill(signal);
  const [code] = await exit;
  return { code, ms: performance.now() - begun };
}

async function upgradeStatus(url: string): Promise<{ status: number | undefined; retryAfter: unknown }> {
  const ws = new WebSocket(url).on('error', () => {});
  const [, { statusCode: status, headers }] = await once(ws, 'unexpected-response');
  ws.terminate();
  return { status, retryAfter: headers['retry-after'] };
}

test('media goes on until clients have moved; the recording has its verdict before the end', async () => {
  const drainTime = 8;
  const server = await start({
    PHAROS_LIMITS_DRAIN_TIME: drainTime,
    PHAROS_RECORDINGS_RECORD: '[{ streams: "lecture", record: always }]',
  });
  const publisher = await publishMedia(server.url, 'lecture', 'vp8');
  closing.push(() => publisher.stop());
  const player = await watchPackets(server.url, 'lecture');
  closing.push(() => player.stop());
  const sender = await publish(server.wsUrl, { stream: 'other' });
  const viewers = await Promise.all(Array.from({ length: 5 }, () => watch(server.wsUrl, 'other')));
  await player.seconds('video', 3);

  const end = ended(server, 'SIGTERM');
  const spread = (drainTime - 1) * 1000 * 0.5 * 0.75;
  const { delay: first } = await sender.client.event('move');
  expect(first).toBeLessThanOrEqual(spread * 0.2 + 1);
  const delays = await Promise.all(viewers.map(async ({ client }) => (await client.event('move')).delay));
  for (const delay of delays) {
    expect(delay).toBeGreaterThanOrEqual(Math.floor(spread * 0.2));
    expect(delay).toBeLessThanOrEqual(spread + 1);
  }
  expect(new Set(delays).size).toBeGreaterThan(1);

  const ready = await fetch(`${server.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ status: 'not ready', reason: 'shutting down' });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await upgradeStatus(server.wsUrl)).toEqual({ status: 503, retryAfter: '10' });
  const joins = [() => publishMedia(server.url, 'new', 'vp8'), () => watchPackets(server.url, 'lecture')];
  for (const join of joins) {
    await expect(join()).rejects.toMatchObject({ status: 503, message: 'the server is shutting down' });
  }
  // Media flows on as if nothing were.
  const before = player.of.video.length;
  await expect.poll(() => player.of.video.length, { timeout: 3000 }).toBeGreaterThan(before + 20);
  expect(server.records('recording finished')).toEqual([]);

  for (const { client } of [sender, ...viewers]) await client.close();
  const { code, ms } = await end;
  console.log(`drained and gone after ${Math.round(ms)} ms of ${drainTime * 1000}`);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(drainTime * 1000);
  const messages = server.output();
  expect(server.records('recording finished')).toEqual([expect.objectContaining({ verdict: 'ok' })]);
  expect(messages.indexOf('"recording finished"')).toBeLessThan(messages.indexOf('"drained"'));
  expect(server.records('drained')).toEqual([expect.objectContaining({ socketsLeft: 0, recordingsLeft: 0 })]);
  expect(server.records('media worker died')).toEqual([]);
});

test('a client that never leaves keeps the server no longer than limits.drainTime', async () => {
  const server = await start({ PHAROS_LIMITS_DRAIN_TIME: 3 });
  const { client } = await publish(server.wsUrl);
  const { code, ms } = await ended(server, 'SIGTERM');
  expect(code).toBe(0);
  expect(ms).toBeGreaterThan(2000);
  expect(ms).toBeLessThan(3500);
  expect(server.records('drained')).toEqual([expect.objectContaining({ socketsLeft: 1 })]);
  expect(await client.event('closing')).toMatchObject({ error: { code: 'server_closing' } });
  expect(await client.closed()).toMatchObject({ code: 1001 });
});

test('nobody there: the server is gone at once', async () => {
  const server = await start({ PHAROS_LIMITS_DRAIN_TIME: 60 });
  const { code, ms } = await ended(server, 'SIGTERM');
  expect(code).toBe(0);
  expect(ms).toBeLessThan(10_000);
});

test('a second signal ends it now', async () => {
  const server = await start({ PHAROS_LIMITS_DRAIN_TIME: 60 });
  const client = await TestClient.connect(server.wsUrl);
  server.process.kill('SIGTERM');
  await client.event('move');
  const { code, ms } = await ended(server, 'SIGINT');
  expect(code).toBe(1);
  expect(ms).toBeLessThan(5000);
});

test('SIGINT closes at once, without draining', async () => {
  const server = await start({ PHAROS_LIMITS_DRAIN_TIME: 60 });
  const { client } = await publish(server.wsUrl);
  const { code, ms } = await ended(server, 'SIGINT');
  expect(code).toBe(0);
  expect(ms).toBeLessThan(5000);
  expect(await client.closed()).toMatchObject({ code: 1001 });
});
