/** `/api/live`, `GET /api/config` and `POST /api/grants`: who is told what, and who is not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { effectiveConfig, madeGrant } from '../../server/protocol/live.ts';
import { KEYS, token } from '../helpers/authority.ts';
import { publish, watch } from '../helpers/client.ts';
import { publishMedia, watchPackets } from '../helpers/live.ts';
import { LiveTestClient } from '../helpers/live-client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const SECRETS = {
  hook: 'https://user:hook-password@example.org/hook?token=hook-token',
  hookSecret: 'hook-secret-hook-secret',
  turn: 'turn-secret-turn-secret',
  credential: 'ice-credential',
  key: 'studio-key-studio-key',
  camera: 'camera-password',
  s3: 's3-secret-key',
  endpoint: 'endpoint-password',
};

const folder = mkdtempSync(join(tmpdir(), 'pharos-dashboard-'));
const file = join(folder, 'pharos.yaml');
let server: TestServer;
const cleanups: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  writeFileSync(
    file,
    stringify({
      auth: { keys: [{ name: 'studio', key: SECRETS.key, actions: ['publish'] }], private: ['board-*'] },
      iceServers: [{ urls: ['turn:turn.example.org'], username: 'someone', credential: SECRETS.credential }],
      turn: { urls: ['turn:other.example.org'] },
      recordings: {
        minFree: 0,
        hook: { url: SECRETS.hook, secret: SECRETS.hookSecret },
        s3: {
          accessKey: 'AKIA',
          secret: SECRETS.s3,
          endpoint: `https://me:${SECRETS.endpoint}@s3.example.org`,
        },
      },
      cameras: [{ stream: 'porch', url: `rtsp://admin:${SECRETS.camera}@127.0.0.1:9/x` }],
      limits: { viewersPerStream: 77 },
    }),
  );
  server = await startServer({
    PHAROS_CONFIG: file,
    PHAROS_AUTH_PUBLISH: 'open',
    PHAROS_AUTH_ADMIN_KEY: KEYS.admin,
    PHAROS_AUTH_JWT_SECRET: KEYS.jwt,
    PHAROS_TURN_SECRET: SECRETS.turn,
    PHAROS_LIMITS_MEDIA_SETUP_TIME: 120,
  });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const rest = (method: string, path: string, body?: unknown, key = KEYS.admin) =>
  fetch(server.url + path, {
    method,
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

const admin = (claims: Parameters<typeof token>[0] = {}) =>
  token({ actions: ['administer'], stream: '*', ttl: 600, ...claims });

async function opened(key = KEYS.admin): Promise<LiveTestClient> {
  const client = await LiveTestClient.open(server.port, key);
  cleanups.push(() => client.close());
  return client;
}

async function connected(): Promise<LiveTestClient> {
  const client = new LiveTestClient(server.port);
  cleanups.push(() => client.close());
  await client.opened;
  return client;
}

describe('/api/live is for administrators alone', () => {
  test.each([
    ['a wrong key', { type: 'hello', key: 'wrong' }, 'not_allowed'],
    ['no hello', { type: 'open', stream: 'lecture' }, 'wrong_order'],
    ['another message', { type: 'welcome' }, 'bad_request'],
    ['more than it should have', { type: 'hello', key: KEYS.admin, more: 1 }, 'bad_request'],
    ['no JSON', '{', 'bad_request'],
    ['binary', Buffer.from(JSON.stringify({ type: 'hello', key: KEYS.admin })), 'bad_request'],
  ])('%s', async (_name, message, code) => {
    const client = await connected();
    client.send(message);
    expect((await client.of('closing')).error.code).toBe(code);
    expect(await client.closed).toBe(1008);
    expect(client.messages).toHaveLength(1);
  });

  test('a key to publish, or a token for some streams', async () => {
    for (const key of [SECRETS.key, await admin({ stream: 'board-*' }), await token()]) {
      const client = await connected();
      client.send({ type: 'hello', key });
      expect((await client.of('closing')).error.code).toBe('not_allowed');
    }
  });

  test('a page of another site', async () => {
    const client = new LiveTestClient(server.port, { origin: 'https://evil.example' });
    expect(await client.closed).toBe(1006);
    const own = new LiveTestClient(server.port, { origin: server.url });
    cleanups.push(() => own.close());
    await own.opened;
  });

  test('who says nothing is sent away', async () => {
    const client = await connected();
    const since = performance.now();
    expect((await client.of('closing')).error.code).toBe('idle');
    expect(performance.now() - since).toBeGreaterThan(4000);
  });

  test('a large message, and a flood', async () => {
    const large = await connected();
    large.send({ type: 'hello', key: 'x'.repeat(10_000) });
    expect(await large.closed).toBe(1009);
    const flood = await opened();
    for (let index = 0; index < 100; index++) flood.send({ type: 'open', stream: null });
    expect((await flood.of('closing')).error.code).toBe('too_many_requests');
    expect(await flood.closed).toBe(1008);
    const twice = await opened();
    twice.send({ type: 'hello', key: KEYS.admin });
    expect((await twice.of('closing')).error.code).toBe('wrong_order');
  });

  test('a grant that is revoked, or expires, ends it', async () => {
    const revoked = await opened(await admin({ id: 'to-be-revoked' }));
    const expiring = await opened(await admin({ ttl: 3 }));
    expect(await (await rest('POST', '/api/revoke', { jti: 'to-be-revoked' })).json()).toEqual({ ended: 1 });
    expect((await revoked.of('closing')).error).toEqual({
      code: 'not_allowed',
      message: 'this grant was revoked',
    });
    expect((await expiring.of('closing')).error.message).toBe('this grant has expired');
    await Promise.all([revoked.closed, expiring.closed]);
  });

  test('one that reads nothing is dropped', async () => {
    const own = await startServer({ PHAROS_AUTH_ADMIN_KEY: KEYS.admin, PHAROS_LIMITS_HEARTBEAT: 1 });
    cleanups.push(() => own.stop());
    const [deaf, other] = [
      await LiveTestClient.open(own.port, KEYS.admin),
      await LiveTestClient.open(own.port, KEYS.admin),
    ];
    const connections = () => other.parts.totals?.connections ?? 0;
    expect(connections()).toBeGreaterThan(1);
    deaf.ws.pause();
    await expect.poll(connections, { timeout: 20_000 }).toBe(1);
    expect(other.ws.readyState).toBe(other.ws.OPEN);
  });

  test('guessing is slowed down', async () => {
    const own = await startServer({ PHAROS_AUTH_ADMIN_KEY: KEYS.admin });
    cleanups.push(() => own.stop());
    const codes: string[] = [];
    for (let guess = 0; guess < 12; guess++) {
      const client = new LiveTestClient(own.port);
      await client.opened;
      client.send({ type: 'hello', key: `guess-${guess}` });
      codes.push((await client.of('closing')).error.code);
    }
    expect(codes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'not_allowed'));
    expect(codes.at(-1)).toBe('too_many_requests');
  });
});

describe('what is told', () => {
  test('a stream by WHIP with its viewers, until it ends; then that it is gone', async () => {
    const client = await opened();
    const { about } = await client.of('welcome');
    expect(about).toMatchObject({ node: process.version, workers: 2, version: expect.any(String) });
    const live = await publishMedia(server.url, 'lecture', 'vp8');
    const viewer = await watchPackets(server.url, 'lecture');
    cleanups.push(
      () => live.stop(),
      () => viewer.stop(),
    );
    client.send({ type: 'open', stream: 'lecture' });
    await expect
      .poll(() => client.streams.get('lecture')?.publisher?.bitrate ?? 0, { timeout: 15_000 })
      .toBeGreaterThan(100_000);
    await expect
      .poll(() => client.streams.get('lecture')?.publisher?.picture?.width ?? 0, { timeout: 15_000 })
      .toBeGreaterThan(100);
    expect(client.streams.get('lecture')).toMatchObject({
      state: 'live',
      viewers: 1,
      recording: false,
      publisher: { protocol: 'whip', address: '127.0.0.1', codecs: ['VP8', 'opus'] },
    });
    await expect
      .poll(() => client.detail?.viewers[0]?.bitrate ?? 0, { timeout: 15_000 })
      .toBeGreaterThan(100_000);
    expect(client.detail).toMatchObject({
      publisher: { path: 'udp', encodings: [{ kind: 'video' }, { kind: 'audio' }] },
      audience: { viewers: 1, states: [0, 0, 1, 0], tcp: 0 },
      viewers: [{ protocol: 'whep', address: '127.0.0.1', state: 'live', path: 'udp' }],
    });
    expect(client.parts.totals).toMatchObject({ streams: 1, viewers: 1 });
    await rest('POST', '/api/streams/lecture/recording');
    const soon = { timeout: 15_000 };
    await expect.poll(() => client.streams.get('lecture')?.recording, soon).toBe(true);
    expect(client.parts.recordings?.recording).toBe(1);
    expect((await rest('DELETE', '/api/streams/lecture')).status).toBe(204);
    await expect.poll(() => client.streams.has('lecture'), soon).toBe(false);
    await expect.poll(() => client.detail, soon).toBe(null);
    expect(client.parts.ended).toContainEqual({ reason: 'removed', count: 1 });
  });

  test('only what has changed, once a second; a second page gets all', async () => {
    const { client: publisher } = await publish(server.wsUrl, { stream: 'still', tracks: ['audio'] });
    const { client: waiting } = await watch(server.wsUrl, 'nobody-yet');
    cleanups.push(
      () => publisher.close(),
      () => waiting.close(),
    );
    const client = await opened();
    expect(client.streams.get('nobody-yet')).toMatchObject({ state: 'waiting', viewers: 1, publisher: null });
    const updates = () => client.messages.filter((message) => message.type === 'update');
    const since = performance.now();
    await expect.poll(() => updates().length, { timeout: 15_000 }).toBeGreaterThan(4);
    const seconds = (performance.now() - since) / 1000;
    expect(updates().length - 1).toBeLessThanOrEqual(seconds + 1.5);
    const [first, ...later] = updates();
    expect(first).toMatchObject({ full: true });
    expect(later.every(({ full }) => !full)).toBe(true);
    // Nothing is sent by it, so that once its statistics have been asked for there is no more to tell.
    expect(later.at(-1)?.streams).toEqual([]);
    const second = await opened();
    expect(second.messages[1]).toMatchObject({ type: 'update', full: true });
    expect([...second.streams.keys()].sort()).toEqual(['nobody-yet', 'still']);
  });

  test('a camera that cannot be reached, without its password', async () => {
    const { client: viewer } = await watch(server.wsUrl, 'porch');
    cleanups.push(() => viewer.close());
    const client = await opened();
    await expect
      .poll(() => client.parts.cameras?.[0]?.error, { timeout: 20_000 })
      .toEqual(expect.any(String));
    expect(client.parts.cameras).toMatchObject([{ stream: 'porch', source: 'config', viewers: 1 }]);
    expect(JSON.stringify(client.messages)).not.toContain(SECRETS.camera);
  });
});

describe('GET /api/config', () => {
  test('each setting with where it comes from', async () => {
    const response = await rest('GET', '/api/config');
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    const { settings } = effectiveConfig.parse(await response.json());
    const of = (key: string) => settings.find((setting) => setting.key === key);
    expect(of('limits.viewersPerStream')).toMatchObject({
      value: 77,
      changed: true,
      source: { from: 'file', where: expect.stringMatching(/pharos\.yaml:\d+$/) },
    });
    expect(of('auth.publish')).toMatchObject({
      value: 'open',
      source: { from: 'environment', where: 'PHAROS_AUTH_PUBLISH' },
    });
    expect(of('limits.streams')).toMatchObject({ value: 200, changed: false, source: { from: 'default' } });
    expect(of('limits.cameras')).toMatchObject({ value: 100, secret: false });
    expect(of('auth.webhook.timeout')).toMatchObject({ value: 2000, unit: 'ms' });
  });

  test('no secret is in it, in whole or in part', async () => {
    const text = await (await rest('GET', '/api/config')).text();
    for (const secret of [...Object.values(SECRETS), 'hook-password', 'hook-token', ...Object.values(KEYS)])
      expect(text).not.toContain(secret);
    const { settings } = effectiveConfig.parse(JSON.parse(text));
    const of = (key: string) => settings.find((setting) => setting.key === key);
    for (const key of [
      'auth.adminKey',
      'auth.jwt.secret',
      'turn.secret',
      'recordings.hook.url',
      'recordings.s3.secret',
    ])
      expect(of(key)).toMatchObject({ secret: true, set: true, value: null });
    expect(of('auth.webhook.url')).toMatchObject({ secret: true, set: false });
    expect(of('auth.keys')).toMatchObject({ secret: true, entries: 1, value: null });
    expect(of('cameras')).toMatchObject({ secret: true, entries: 1, value: null });
    expect(of('iceServers')?.value).toEqual([
      { urls: ['turn:turn.example.org'], username: 'someone', credential: '•••' },
    ]);
    expect(of('recordings.s3.endpoint')?.value).toBe('https://•••@s3.example.org');
  });

  test('is for administrators alone', async () => {
    expect((await rest('GET', '/api/config', undefined, SECRETS.key)).status).toBe(401);
    expect((await fetch(`${server.url}/api/config`)).status).toBe(401);
  });
});

describe('POST /api/grants', () => {
  test('one to watch a private stream, used, then revoked', async () => {
    const response = await rest('POST', '/api/grants', {
      action: 'watch',
      stream: 'board-1',
      subject: 'anna',
      ttl: 60,
    });
    expect(response.status).toBe(201);
    const made = madeGrant.parse(await response.json());
    expect(made).toMatchObject({ action: 'watch', stream: 'board-1', subject: 'anna', note: null });
    expect(Date.parse(made.expires) - Date.now()).toBeGreaterThan(50_000);
    expect(made.uses[0]).toEqual({
      name: 'Watch',
      url: expect.stringContaining(`/watch/board-1#key=${made.token}`),
      link: true,
    });
    const live = await publishMedia(server.url, 'board-1', 'vp8', { token: SECRETS.key });
    const viewer = await watchPackets(server.url, 'board-1', { token: made.token });
    cleanups.push(
      () => live.stop(),
      () => viewer.stop(),
    );
    expect(await (await rest('POST', '/api/revoke', { jti: made.jti })).json()).toEqual({ ended: 1 });
    await expect(watchPackets(server.url, 'board-1', { token: made.token })).rejects.toThrow();
    const audited = server.records('admin action').find(({ jti }) => jti === made.jti);
    expect(audited).toMatchObject({
      audit: 'grant.make',
      subject: 'key:adminKey',
      holder: 'anna',
      streams: 'board-1',
    });
    expect(server.output()).not.toContain(made.token);
  });

  test('to administer only with a key, so that nobody outlives its own end', async () => {
    const made = madeGrant.parse(
      await (await rest('POST', '/api/grants', { action: 'administer', ttl: 60 })).json(),
    );
    const client = await opened(made.token);
    expect(client.parts.health).toMatchObject({ ready: true });
    expect((await rest('POST', '/api/grants', { action: 'administer' }, made.token)).status).toBe(403);
    expect((await rest('POST', '/api/grants', { action: 'watch', stream: 'x' }, made.token)).status).toBe(
      201,
    );
  });

  test('is for administrators alone', async () => {
    for (const key of [SECRETS.key, await admin({ stream: 'board-*' })])
      expect((await rest('POST', '/api/grants', { action: 'watch', stream: 'x' }, key)).status).toBe(401);
  });

  test.each([
    [[1], 'fields are'],
    [{}, 'action: '],
    [{ action: 'fly' }, 'action: '],
    [{ action: 'watch', stream: 'a b' }, 'stream: '],
    [{ action: 'watch', ttl: 0 }, 'ttl: '],
    [{ action: 'watch', ttl: 1e12 }, 'ttl: '],
    [{ action: 'watch', subject: 'key:adminKey' }, 'subject: '],
    [{ action: 'publish', limits: { viewers: -1 } }, 'limits: '],
    [{ action: 'watch', more: true }, 'fields are'],
  ])('%j is refused in words', async (body, words) => {
    const response = await rest('POST', '/api/grants', body);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { detail: string }).detail).toContain(words);
  });
});
