/** `npm run grant`: what it prints works, on a server that knows of nothing but its data directory. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { capabilities, publish, TestClient } from '../helpers/client.ts';
import { publishOffer, watchOffer } from '../helpers/sdp.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const ROOT = join(import.meta.dirname, '../..');
const directory = mkdtempSync(join(tmpdir(), 'pharos-grant-'));
const settings = {
  PHAROS_DATA_DIRECTORY: directory,
  PHAROS_AUTH_PUBLISH: 'key',
  PHAROS_AUTH_PRIVATE: 'board-*',
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer(settings);
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

type Result = { code: number; out: string; err: string };

async function run(file: string, args: readonly string[]): Promise<Result> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...settings };
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, { cwd: ROOT, env });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

const grant = (...args: string[]) => run(process.execPath, ['tools/grant.ts', '--url', server.url, ...args]);
const tokenOf = ({ out }: Result) => /bearer token (\S+)/.exec(out)?.[1] ?? '';

test('a link to publish, by npm', async () => {
  const made = await run('npm', [
    'run',
    '--silent',
    'grant',
    '--',
    '--publish',
    'lecture-1',
    '--ttl',
    '2h',
    '--url',
    server.url,
  ]);
  expect(made.out).toMatch(/^Holds until {2}\d{4}-\d\d-\d\dT[\d:]+Z; .*\/api\/revoke {"jti":"[\w-]+"}$/m);
  const [, base, stream = '', key = ''] =
    /^Publish +(\S+)\/publish\?stream=([\w-]+)#key=(\S+)$/m.exec(made.out) ?? [];
  expect([base, stream]).toEqual([server.url, 'lecture-1']);
  const { client } = await publish(server.wsUrl, { stream, key });
  await client.close();
  const other = await TestClient.connect(server.wsUrl);
  const refusal = await other.refusal({ type: 'publish', stream: 'lecture-2', key, tracks: ['audio'] });
  expect(refusal.code).toBe('not_allowed');
  await other.close();

  const [, endpoint = '', bearer = ''] =
    /^OBS, WHIP +(\S+) with the bearer token (\S+)$/m.exec(made.out) ?? [];
  expect(bearer).toBe(key);
  const headers = { 'Content-Type': 'application/sdp', Authorization: `Bearer ${bearer}` };
  const response = await fetch(endpoint.replace('lecture-1', 'lecture-2'), {
    method: 'POST',
    headers,
    body: publishOffer(),
  });
  expect(response.status).toBe(401);
});

test('a link to watch a private stream, and the same over WHEP', async () => {
  const made = await grant('--watch', 'board-1', '--subject', 'anna');
  expect(made.out).toContain('/api/revoke {"subject":"anna"}');
  expect(made.out).not.toContain('Note');
  const [, stream = '', key = ''] = /\/watch\/([\w-]+)#key=(\S+)$/m.exec(made.out) ?? [];
  const client = await TestClient.connect(server.wsUrl);
  const rtpCapabilities = await capabilities(client);
  expect(await client.request('watch', { stream, key, rtpCapabilities })).toMatchObject({ state: 'waiting' });
  await client.close();
  const headers = { 'Content-Type': 'application/sdp', Authorization: `Bearer ${tokenOf(made)}` };
  const response = await fetch(`${server.url}/whep/board-1`, { method: 'POST', headers, body: watchOffer() });
  expect(response.status).toBe(404);
});

test('one to administer, and one to record; each for itself', async () => {
  const ask = async (path: string, key: string) =>
    (await fetch(server.url + path, { headers: { Authorization: `Bearer ${key}` } })).status;
  const admin = tokenOf(await grant('--admin', '--ttl', '60s'));
  expect(await ask('/api/streams', admin)).toBe(200);
  const record = tokenOf(await grant('--record', 'lecture-*'));
  expect(await ask('/api/streams/lecture-1/recording', record)).toBe(200);
  expect(await ask('/api/streams/other/recording', record)).toBe(401);
  expect(await ask('/api/streams', record)).toBe(401);
});

test('what was revoked stays so when the server is restarted', async () => {
  const admin = tokenOf(await grant('--admin'));
  const made = await grant('--record', 'lecture-*', '--subject', 'anna');
  const ask = async () => {
    const headers = { Authorization: `Bearer ${tokenOf(made)}` };
    return (await fetch(`${server.url}/api/streams/lecture-1/recording`, { headers })).status;
  };
  expect(await ask()).toBe(200);
  const headers = { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ subject: 'anna' });
  expect((await fetch(`${server.url}/api/revoke`, { method: 'POST', headers, body })).status).toBe(200);
  expect(await ask()).toBe(401);
  await server.stop('SIGKILL');
  server = await startServer(settings);
  expect(await ask()).toBe(401);
});

test('says where a grant changes nothing', async () => {
  const { out } = await grant('--watch', 'public');
  expect(out).toMatch(/^Note .*"public" is not private/m);
});

test.each([
  [[], 'what for?'],
  [['--publish', 'a', '--watch', 'b'], 'what for?'],
  [['--publish', 'a b'], '--publish a b cannot be'],
  [['--publish', 'a', '--ttl', '2 hours'], '--ttl 2 hours cannot be'],
  [['--publish', 'a', '--viewers', 'many'], '--viewers many cannot be'],
  [['--publish', 'a', '--bitrate', '3'], '--bitrate 3 cannot be'],
  [['--publish', 'a', '--url', 'ftp://x'], '--url ftp://x is no address'],
  [['--publish'], 'argument missing'],
  [['--publish', 'a', '--subject', 'key:adminKey'], '--subject key:adminKey cannot be'],
])('%j is refused in words', async (args, words) => {
  const { code, err, out } = await run(process.execPath, ['tools/grant.ts', ...args]);
  expect(code).toBe(2);
  expect(err).toContain(words);
  expect(out).toBe('');
});

test('--help tells all of it', async () => {
  const { code, out } = await run(process.execPath, ['tools/grant.ts', '--help']);
  expect(code).toBe(0);
  for (const option of [
    'publish',
    'watch',
    'record',
    'admin',
    'ttl',
    'subject',
    'viewers',
    'bitrate',
    'streams',
    'url',
  ])
    expect(out).toContain(`--${option}`);
});
