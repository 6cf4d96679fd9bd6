import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { publish, TestClient, watch } from '../helpers/client.ts';
import { freePorts, startRefused, startServer } from '../helpers/server.ts';

const children = (pid: number | undefined) =>
  execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
    .map(Number);
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s closes everything within 5 s and tells all clients',
  async (signal) => {
    const server = await startServer();
    const workers = children(server.process.pid);
    expect(workers).toHaveLength(2);
    const { client: publisher } = await publish(server.wsUrl, { stream: 'end' });
    const { client: viewer } = await watch(server.wsUrl, 'end');
    const { client: waiting } = await watch(server.wsUrl, 'other');
    const began = performance.now();
    expect(await server.stop(signal)).toBe(0);
    expect(performance.now() - began).toBeLessThan(5000);
    for (const client of [publisher, viewer, waiting]) {
      expect(await client.event('ended')).toMatchObject({ reason: 'server_closing', waiting: false });
      expect((await client.closed()).code).toBe(1001);
    }
    await expect.poll(() => workers.filter(alive), { timeout: 5000 }).toEqual([]);
  },
);

test('Ctrl-C that comes twice, from the terminal and from npm, still closes in order', async () => {
  const server = await startServer();
  const { client } = await publish(server.wsUrl);
  server.process.kill('SIGINT');
  expect(await server.stop('SIGINT')).toBe(0);
  expect(await client.event('ended')).toMatchObject({ reason: 'server_closing' });
});

test('a dead worker interrupts its streams, no others, and is replaced', async () => {
  const server = await startServer({ PHAROS_MEDIA_WORKERS: 2 });
  // Each stream goes to the worker with the lowest load, so these two are apart.
  const { client: one } = await publish(server.wsUrl, { stream: 'one' });
  const { client: two } = await publish(server.wsUrl, { stream: 'two' });
  const { client: viewer } = await watch(server.wsUrl, 'one');
  const [first] = server.records('media worker up').filter(({ worker }) => worker === 0);
  process.kill(Number(first?.pid), 'SIGKILL');
  expect(await one.event('ended')).toMatchObject({ reason: 'worker_failed' });
  expect(await viewer.event('away')).toMatchObject({ reason: 'worker_failed' });
  expect((await watch(server.wsUrl, 'two')).answer.state).toBe('live');
  await expect.poll(async () => (await fetch(`${server.url}/readyz`)).status, { timeout: 10_000 }).toBe(200);
  await publish(server.wsUrl, { stream: 'one' });
  expect((await viewer.event('live')).media?.consumers).toHaveLength(2);
  expect(two.received.some((message) => JSON.stringify(message).includes('worker_failed'))).toBe(false);
  await server.stop();
});

test('killed outright, the server leaves no worker behind', async () => {
  const server = await startServer();
  const workers = children(server.process.pid);
  await server.stop('SIGKILL');
  await expect.poll(() => workers.filter(alive), { timeout: 5000 }).toEqual([]);
});

test('media port in use: one sentence that names the port and the setting', async () => {
  const port = await freePorts(1);
  const holder = createSocket('udp4').bind(port, '127.0.0.1');
  await once(holder, 'listening');
  const { code, output } = await startRefused({ PHAROS_MEDIA_PORT_BASE: port, PHAROS_MEDIA_WORKERS: 1 });
  holder.close();
  expect(code).toBe(1);
  expect(output).toMatch(new RegExp(`could not start: media port ${port} .*media.portBase`));
});

test('an announced address that does not resolve stops the start', async () => {
  const { code, output } = await startRefused({ PHAROS_MEDIA_ANNOUNCED_ADDRESS: 'nowhere.invalid' });
  expect(code).toBe(1);
  expect(output).toMatch(/could not start: media\.announcedAddress.*nowhere\.invalid/);
});

test('a data directory that cannot be written stops the start, and says which setting', async () => {
  const { code, output } = await startRefused({ PHAROS_DATA_DIRECTORY: import.meta.filename });
  expect(code).toBe(1);
  expect(output).toMatch(/could not start: dataDirectory: .*lifetime\.test\.ts\/publish-key/);
});

test('an unknown setting stops the start', async () => {
  const { code, output } = await startRefused({ PHAROS_HTTP_PROT: 1 });
  expect(code).toBe(1);
  expect(output).toMatch(/PHAROS_HTTP_PROT/);
});

test('the generated publish key is shown once, kept for its owner alone, and never logged again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pharos-key-'));
  const first = await startServer({ PHAROS_DATA_DIRECTORY: directory });
  const [, key = ''] = /#key=([A-Za-z0-9_-]{22})/.exec(first.output()) ?? [];
  expect(key).not.toBe('');
  expect(statSync(join(directory, 'publish-key')).mode & 0o777).toBe(0o600);
  await first.stop();
  const second = await startServer({ PHAROS_DATA_DIRECTORY: directory, PHAROS_AUTH_PUBLISH: 'key' });
  expect(second.output()).not.toContain(key);
  const client = await TestClient.connect(second.wsUrl);
  await client.request('publish', { key, tracks: ['audio'] });
  await second.stop();
  rmSync(directory, { recursive: true, force: true });
});
