import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { publish, TestClient, watch } from '../helpers/client.ts';
import { type Packets, watchPackets } from '../helpers/live.ts';
import { scrape } from '../helpers/metrics.ts';
import { type Live, publishMedia } from '../helpers/publish-media.ts';
import { freePorts, startRefused, startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
const clients: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

const keep = <T extends { close(): Promise<unknown> }>(client: T): T => {
  clients.push(client);
  return client;
};

describe('a server with media', () => {
  let publisher: Live;
  let viewers: Packets[];
  const value = async (name: string, labels: Record<string, string> = {}) =>
    (await scrape(server.url)).value(name, labels);
  const OUT = { transport: 'webrtc', direction: 'out' };

  beforeAll(async () => {
    server = await startServer({ PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY, PHAROS_LIMITS_VIEWERS_PER_STREAM: 3 });
    publisher = await publishMedia(server.url, 'secret-lecture', 'vp8');
    viewers = await Promise.all([1, 2].map(() => watchPackets(server.url, 'secret-lecture')));
  });
  afterAll(async () => {
    await publisher?.stop();
    await server?.stop();
  });

  test('who is there, and how joins went', async () => {
    const page = await TestClient.connect(server.wsUrl);
    keep(page);
    const waiting = await watch(server.wsUrl, 'not-yet');
    keep(waiting.client);
    const { value: now } = await scrape(server.url);
    expect(now('pharos_streams')).toBe(1);
    expect(now('pharos_publishers', { protocol: 'whip' })).toBe(1);
    expect(now('pharos_publishers')).toBe(1);
    expect(now('pharos_viewers', { protocol: 'whep' })).toBe(2);
    expect(now('pharos_viewers', { protocol: 'websocket' })).toBe(1);
    expect(now('pharos_viewers_waiting')).toBe(1);
    expect(now('pharos_websockets')).toBe(2);
    expect(now('pharos_joins_total', { kind: 'publish', protocol: 'whip' })).toBe(1);
    expect(now('pharos_joins_total', { kind: 'watch', protocol: 'whep' })).toBe(2);
    expect(now('pharos_joins_total', { kind: 'watch', protocol: 'websocket' })).toBe(1);
    const whep = { kind: 'watch', protocol: 'whep' };
    expect(now('pharos_join_duration_seconds_count', whep)).toBe(2);
    expect(now('pharos_join_duration_seconds_sum', whep)).toBeGreaterThan(0);
    expect(now('pharos_join_duration_seconds_sum', whep)).toBeLessThan(20);
    expect(now('pharos_join_duration_seconds_count', { kind: 'publish', protocol: 'whip' })).toBe(1);
  });

  test('media is counted while it flows', async () => {
    const incoming = { transport: 'webrtc', direction: 'in' };
    for (const way of [incoming, OUT]) {
      for (const kind of ['audio', 'video']) {
        await expect
          .poll(() => value('pharos_media_packets_total', { ...way, kind }), { timeout: 15_000 })
          .toBeGreaterThan(100);
      }
      expect(await value('pharos_media_bytes_total', { ...way, kind: 'video' })).toBeGreaterThan(50_000);
    }
    const { value: now } = await scrape(server.url);
    const plis = now('pharos_media_plis_total', incoming) ?? 0;
    const firs = now('pharos_media_firs_total', incoming) ?? 0;
    expect(plis + firs).toBeGreaterThan(0);
  });

  test('in the end what viewers got is counted, the moments since they were asked last too', async () => {
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    await expect.poll(() => value('pharos_viewers', { protocol: 'whep' })).toBe(0);
    for (const kind of ['audio', 'video'] as const) {
      const got = viewers.reduce((sum, { of }) => sum + of[kind].length, 0);
      const sent = (await value('pharos_media_packets_total', { ...OUT, kind })) ?? 0;
      console.info(`${kind}: ${sent} packets counted, ${got} received`);
      // Some were sent after the last look, some were on their way when it closed.
      expect(sent).toBeGreaterThan(got * 0.98);
      expect(sent).toBeLessThan(got * 1.02 + 20);
    }
    await publisher.stop();
    await expect.poll(() => value('pharos_streams')).toBe(0);
  });

  test('workers: both, with their processes', async () => {
    const { value: now } = await scrape(server.url);
    expect(now('pharos_workers')).toBe(2);
    expect(now('pharos_workers_alive')).toBe(2);
    expect(now('pharos_worker_deaths_total')).toBe(0);
    for (const worker of ['0', '1']) {
      expect(now('pharos_worker_resident_memory_bytes', { worker })).toBeGreaterThan(1e6);
      expect(now('pharos_worker_cpu_seconds_total', { worker })).toBeGreaterThan(0);
    }
    expect(now('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    expect(now('process_resident_memory_bytes')).toBeGreaterThan(1e7);
  });

  test('refusals, by code, whichever way they came', async () => {
    const client = keep(await TestClient.connect(server.wsUrl));
    const before = (await scrape(server.url)).value;
    await client.refusal({ type: 'dance' });
    await client.refusal({ type: 'stop' });
    await fetch(`${server.url}/whep/nobody`, { method: 'POST', headers: { 'Content-Type': 'text/plain' } });
    await fetch(`${server.url}/api/cameras`);
    await fetch(`${server.url}/api/cameras`, {
      method: 'POST',
      body: '{"stream":',
      headers: { 'Content-Type': 'application/json' },
    });
    const after = (await scrape(server.url)).value;
    const codes = ['unknown_type', 'wrong_order', 'unsupported_media_type', 'unauthorized', 'bad_request'];
    for (const code of codes) {
      const [was = 0, is] = [before, after].map((now) => now('pharos_refusals_total', { code }));
      expect(is, code).toBe(was + 1);
    }
  });

  test('a first frame is counted only for a join that came about, and within bounds', async () => {
    const { client } = await watch(server.wsUrl, 'not-yet');
    keep(client);
    const report = { type: 'first_frame', milliseconds: 100 };
    expect((await client.refusal(report)).code).toBe('wrong_order');
    expect((await client.refusal({ ...report, milliseconds: 600_001 })).code).toBe('bad_request');
    expect((await client.refusal({ ...report, milliseconds: -1 })).code).toBe('bad_request');
    const { client: sending } = await publish(server.wsUrl);
    keep(sending);
    expect((await sending.refusal(report)).code).toBe('wrong_order');
    expect(await value('pharos_first_frame_seconds_count')).toBe(0);
  });

  test('who has no key learns nothing, and no stream id is told', async () => {
    for (const key of ['', 'wrong']) {
      const headers = { Authorization: `Bearer ${key}` };
      const response = await fetch(`${server.url}/metrics`, { headers });
      expect(response.status).toBe(401);
      expect(await response.text()).not.toContain('pharos_');
    }
    const { client } = await publish(server.wsUrl, { stream: 'unheard-of' });
    keep(client);
    const { text } = await scrape(server.url);
    expect(text).not.toMatch(/secret-lecture|unheard-of|not-yet/);
  });
});

test('on a port of its own for everybody, with streams by name where that is wished', async () => {
  const port = await freePorts(1);
  const own = await startServer({ PHAROS_METRICS_PORT: port, PHAROS_METRICS_STREAM_LABELS: 'true' });
  try {
    keep((await publish(own.wsUrl, { stream: 'lecture' })).client);
    keep((await watch(own.wsUrl, 'lecture')).client);
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(response.headers.get('Content-Type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('pharos_stream_viewers{stream="lecture"} 1\n');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/api/cameras`)).status).toBe(404);
  } finally {
    await own.stop();
  }
});

test('a port in use stops the start, and says which setting', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const { code, output } = await startRefused({ PHAROS_METRICS_PORT: port });
  holder.close();
  expect(code).toBe(1);
  expect(output).toMatch(
    new RegExp(`could not start: metrics\\.port: ${port} is in use .*PHAROS_METRICS_PORT=`),
  );
});
