/** Grants over all that a server does: who is refused, alike for all reasons, and what ends when a grant ends. */
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { NewToken } from '../../server/auth/tokens.ts';
import { WsViewer } from '../../tools/lib/ws-viewer.ts';
import { KEYS, token } from '../helpers/authority.ts';
import { capabilities, publish, TestClient } from '../helpers/client.ts';
import { type Live, publishMedia, watchPackets } from '../helpers/live.ts';
import { watchOffer } from '../helpers/sdp.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let board: Live;
const used = new Set<string>(Object.values(KEYS));
const cleanups: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  server = await startServer({
    PHAROS_AUTH_PUBLISH: 'key',
    PHAROS_AUTH_PUBLISH_KEY: KEYS.publish,
    PHAROS_AUTH_ADMIN_KEY: KEYS.admin,
    PHAROS_AUTH_JWT_SECRET: KEYS.jwt,
    PHAROS_AUTH_PRIVATE: 'board-*',
    PHAROS_LOG_LEVEL: 'debug',
    PHAROS_LIMITS_MEDIA_SETUP_TIME: 120,
    PHAROS_LIMITS_JOINS_PER_ADDRESS: 10_000,
  });
  board = await publishMedia(server.url, 'board-live', 'h264', { token: KEYS.publish });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await board.stop();
  await server.stop();
});

async function grant(claims: Partial<NewToken>, more: { now?: number } = {}): Promise<string> {
  const made = await token(claims, more);
  used.add(made);
  return made;
}

const rest = (method: string, path: string, key: string | undefined = KEYS.admin, body?: unknown) =>
  fetch(server.url + path, {
    method,
    headers: {
      ...(key && { Authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

const whep = (stream: string, key?: string) =>
  fetch(`${server.url}/whep/${stream}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', ...(key && { Authorization: `Bearer ${key}` }) },
    body: watchOffer(),
  });

/** All of a response but the time it was made. */
async function whole(response: Response): Promise<unknown> {
  const headers = Object.fromEntries(response.headers);
  return { status: response.status, headers: { ...headers, date: '' }, body: await response.text() };
}

const alike = (all: unknown[]) => expect(new Set(all.map((each) => JSON.stringify(each))).size).toBe(1);

describe('a private stream', () => {
  const streams = ['board-live', 'board-of-nobody'];
  let keys: (string | undefined)[] = [];
  beforeAll(async () => {
    keys = [
      undefined,
      'unknown',
      KEYS.admin,
      await grant({ stream: 'other' }),
      await grant({ stream: 'board-live' }, { now: Date.now() - 120_000 }),
      await grant({ stream: 'board-*', actions: ['record'] }),
    ];
  });

  test('by WebSocket: one refusal, whatever was wrong and whether there is such a stream', async () => {
    const client = await TestClient.connect(server.wsUrl);
    const rtpCapabilities = await capabilities(client);
    const refusals = [];
    for (const stream of streams)
      for (const key of keys)
        refusals.push(await client.refusal({ type: 'watch', stream, key, rtpCapabilities }));
    alike(refusals);
    expect(refusals[0]?.code).toBe('not_allowed');
    const holds = await grant({ stream: 'board-*' });
    const watching = await client.request('watch', { stream: 'board-live', key: holds, rtpCapabilities });
    expect(watching.state).toBe('live');
    await client.close();
  });

  test('by WHEP and REST the same', async () => {
    const answers = [];
    for (const stream of streams) for (const key of keys) answers.push(await whole(await whep(stream, key)));
    alike(answers);
    expect(answers[0]).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    for (const [method, path, key] of [
      ['GET', '', undefined],
      ['GET', '', await grant({ stream: 'other', actions: ['publish'] })],
      ['DELETE', '', undefined],
      ['DELETE', '', KEYS.publish],
      ['GET', '/sessions', undefined],
      ['GET', '/recording', undefined],
      ['POST', '/recording', await grant({ stream: 'board-*' })],
      ['DELETE', '/sessions/1', undefined],
    ] as const) {
      const said = [];
      for (const stream of streams)
        said.push(await whole(await rest(method, `/api/streams/${stream}${path}`, key ?? '')));
      alike(said.map((each) => JSON.stringify(each)));
      expect(said[0]).toMatchObject({ status: 401 });
    }
    const holds = await whep('board-live', await grant({ stream: 'board-live' }));
    expect(holds.status).toBe(201);
    await fetch(new URL(holds.headers.get('Location') ?? '', server.url), { method: 'DELETE' });
  });

  test('in like time', async () => {
    const cases = streams.flatMap((stream) =>
      [keys[0], keys[3], keys[4]].map((key, index) => ({
        stream,
        key,
        name: ['none', 'other', 'expired'][index],
        ms: [] as number[],
      })),
    );
    for (let round = 0; round < 50; round++) {
      for (const each of cases) {
        const before = performance.now();
        await (await whep(each.stream, each.key)).arrayBuffer();
        each.ms.push(performance.now() - before);
      }
    }
    const medians = cases.map(({ ms }) => ms.sort((a, b) => a - b)[25] ?? 0);
    console.info(
      cases
        .map(({ stream, name }, index) => `${stream}, ${name}: ${medians[index]?.toFixed(2)} ms`)
        .join('; '),
    );
    expect(Math.max(...medians) - Math.min(...medians)).toBeLessThan(25);
  });

  test('a publish grant lets its holder watch; a public stream needs none', async () => {
    const client = await TestClient.connect(server.wsUrl);
    const rtpCapabilities = await capabilities(client);
    const key = await grant({ stream: 'board-live', actions: ['publish'] });
    await client.request('watch', { stream: 'board-live', key, rtpCapabilities });
    await client.request('stop', {});
    await client.request('watch', { stream: 'public', rtpCapabilities });
    await client.close();
  });
});

/** A session's URL, asked again and again until it is no more. */
async function gone(url: URL): Promise<number> {
  const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag' };
  // Without If-Match, so that it does nothing.
  const ask = async () => (await fetch(url, { method: 'PATCH', headers })).status;
  await expect.poll(ask, { interval: 10, timeout: 15_000 }).toBe(404);
  return performance.now();
}

/** When a client was told of the end, and how. */
async function told(client: TestClient): Promise<readonly [number, string, boolean]> {
  const { reason, waiting } = await client.event('ended');
  return [performance.now(), reason, waiting];
}

type Tokens = Record<'whip' | 'ws' | 'whepViewer' | 'wsViewer', string>;
const HOLDERS = ['whip', 'ws', 'whepViewer', 'wsViewer'] as const;

/** One of each sort of session, each by a token of its own; when each ended, and why if it was told. */
async function sessions(way: string, more: Partial<NewToken>) {
  const make = (name: string, claims: Partial<NewToken>) =>
    grant({ subject: `${way}-${name}`, id: `${way}-${name}`, ttl: 600, ...claims, ...more });
  const tokens: Tokens = {
    whip: await make('whip', { stream: `${way}-whip`, actions: ['publish'] }),
    ws: await make('ws', { stream: `${way}-ws`, actions: ['publish'] }),
    whepViewer: await make('whepViewer', { stream: 'board-live' }),
    wsViewer: await make('wsViewer', { stream: 'board-live' }),
  };
  let packets = 0;
  const [publisher, { client }, player] = await Promise.all([
    publishMedia(server.url, `${way}-whip`, 'h264', { token: tokens.whip }),
    publish(server.wsUrl, { stream: `${way}-ws`, key: tokens.ws }),
    watchPackets(server.url, 'board-live', { token: tokens.whepViewer }),
  ]);
  const ended = Promise.withResolvers<[number, string]>();
  const viewer = new WsViewer({
    url: new URL(server.wsUrl),
    stream: 'board-live',
    key: tokens.wsViewer,
    onPacket: () => void packets++,
    onEnded: (reason) => ended.resolve([performance.now(), reason]),
  });
  cleanups.push(
    () => publisher.stop(),
    () => client.close(),
    () => player.stop(),
    () => viewer.close(),
  );
  expect(await viewer.open()).toBe('live');
  await expect.poll(() => packets).toBeGreaterThan(10);
  await expect.poll(() => player.of.video.length).toBeGreaterThan(10);
  const ends = Promise.all([
    gone(publisher.resource.url),
    told(client),
    gone(player.resource.url),
    ended.promise,
  ]);
  return {
    tokens,
    ends: ends.then(([whip, ws, whepViewer, wsViewer]) => ({ whip, ws, whepViewer, wsViewer })),
    player,
  };
}

const count = () => board.client.stats().packets;

/** Within a second, it says; a busy machine may take a moment longer. */
const BOUND_MS = 2000;

async function check(
  way: string,
  { ends, player }: Awaited<ReturnType<typeof sessions>>,
  since: number,
  reason: string,
): Promise<void> {
  const { whip, ws, whepViewer, wsViewer } = await ends;
  const times = [whip, ws[0], whepViewer, wsViewer[0]].map((at) => at - since);
  console.info(
    `${way}: ${HOLDERS.map((name, index) => `${name} ${times[index]?.toFixed(0)} ms`).join(', ')}`,
  );
  expect(Math.max(...times)).toBeLessThan(BOUND_MS);
  expect([ws[1], ws[2], wsViewer[1]]).toEqual([reason, false, reason]);
  // Media stops too: nothing more comes while the publisher goes on sending.
  const [sent, before] = [count(), player.of.video.length];
  await expect.poll(() => count() - sent).toBeGreaterThan(30);
  const got = player.of.video.length;
  await expect.poll(() => count() - sent).toBeGreaterThan(60);
  expect(player.of.video.length - got).toBe(0);
  expect(got - before).toBeLessThan(30);
}

describe('what goes on ends with its grant', () => {
  test('expired', async () => {
    const running = await sessions('expiry', { ttl: 10 });
    const expires = (decodeJwt(running.tokens.whip).exp ?? 0) * 1000;
    expect(Date.now()).toBeLessThan(expires);
    // The tokens were made one after the other, maybe over a change of second.
    const last = (decodeJwt(running.tokens.wsViewer).exp ?? 0) * 1000;
    await check('expiry', running, performance.now() + last - Date.now(), 'not_allowed');
    const client = await TestClient.connect(server.wsUrl);
    const again = { type: 'publish', stream: 'expiry-ws', key: running.tokens.ws, tracks: ['audio'] };
    expect((await client.refusal(again)).code).toBe('not_allowed');
    await client.close();
  });

  test('revoked by id', async () => {
    const running = await sessions('jti', {});
    const since = performance.now();
    for (const name of HOLDERS) {
      const response = await rest('POST', '/api/revoke', KEYS.admin, { jti: `jti-${name}` });
      expect(await response.json()).toEqual({ ended: 1 });
    }
    await check('revoked by id', running, since, 'not_allowed');
    expect((await whep('board-live', running.tokens.whepViewer)).status).toBe(401);
  });

  test('revoked by subject', async () => {
    const running = await sessions('subject', { subject: 'alice' });
    const since = performance.now();
    const response = await rest('POST', '/api/revoke', KEYS.admin, { subject: 'alice' });
    expect(await response.json()).toEqual({ ended: 4 });
    await check('revoked by subject', running, since, 'not_allowed');
    expect(server.records('admin action')).toContainEqual(
      expect.objectContaining({
        audit: 'grant.revoke',
        revoked: { subject: 'alice' },
        subject: 'key:adminKey',
        address: '127.0.0.1',
        ended: 4,
      }),
    );
  });

  test('kicked', async () => {
    const running = await sessions('kick', {});
    const found = [];
    for (const stream of ['kick-whip', 'kick-ws', 'board-live']) {
      const response = await rest('GET', `/api/streams/${stream}/sessions`);
      const { sessions } = (await response.json()) as { sessions: Record<string, string>[] };
      found.push(
        ...sessions
          .filter(({ subject }) => subject?.startsWith('kick-'))
          .map((each) => ({ ...each, stream })),
      );
    }
    const common = {
      id: expect.any(String),
      address: '127.0.0.1',
      since: expect.stringMatching(/^\d{4}-.*Z$/),
    };
    expect(found).toHaveLength(4);
    expect(found).toEqual(
      expect.arrayContaining([
        { ...common, stream: 'kick-whip', role: 'publisher', protocol: 'whip', subject: 'kick-whip' },
        { ...common, stream: 'kick-ws', role: 'publisher', protocol: 'websocket', subject: 'kick-ws' },
        { ...common, stream: 'board-live', role: 'viewer', protocol: 'whep', subject: 'kick-whepViewer' },
        { ...common, stream: 'board-live', role: 'viewer', protocol: 'websocket', subject: 'kick-wsViewer' },
      ]),
    );
    const since = performance.now();
    for (const { stream, id } of found as { stream: string; id: string }[]) {
      const path = `/api/streams/${stream}/sessions/${id}`;
      expect((await rest('DELETE', path)).status).toBe(204);
      expect((await rest('DELETE', path)).status).toBe(404);
    }
    await check('kicked', running, since, 'removed');
    expect(server.records('admin action').filter(({ audit }) => audit === 'session.kick')).toHaveLength(4);
  });

  test('a stream deleted', async () => {
    const stream = 'board-deleted';
    const live = await publishMedia(server.url, stream, 'h264', { token: KEYS.publish });
    const player = await watchPackets(server.url, stream, { token: await grant({ stream }) });
    const viewer = await TestClient.connect(server.wsUrl);
    cleanups.push(
      () => live.stop(),
      () => player.stop(),
      () => viewer.close(),
    );
    const rtpCapabilities = await capabilities(viewer);
    await viewer.request('watch', { stream, key: await grant({ stream }), rtpCapabilities });
    const { client } = await publish(server.wsUrl, { stream: 'deleted-ws', key: KEYS.publish });
    cleanups.push(() => client.close());
    const list = (await (await rest('GET', '/api/streams')).json()) as { streams: unknown[] };
    expect(list.streams).toContainEqual({
      stream,
      title: '',
      live: true,
      viewers: 2,
      since: expect.any(String),
    });

    const since = performance.now();
    for (const each of [stream, 'deleted-ws'])
      expect((await rest('DELETE', `/api/streams/${each}`)).status).toBe(204);
    const [whip, player404, viewerTold, clientTold] = await Promise.all([
      gone(live.resource.url),
      gone(player.resource.url),
      told(viewer),
      told(client),
    ]);
    const times = [whip, player404, viewerTold[0], clientTold[0]].map((at) => at - since);
    console.info(`deleted: ${times.map((time) => `${time.toFixed(0)} ms`).join(', ')}`);
    expect(Math.max(...times)).toBeLessThan(BOUND_MS);
    expect([viewerTold[1], viewerTold[2], clientTold[1]]).toEqual(['removed', false, 'removed']);
    expect((await rest('DELETE', `/api/streams/${stream}`)).status).toBe(404);
    expect(server.records('admin action')).toContainEqual(
      expect.objectContaining({ audit: 'stream.delete', streamId: stream }),
    );
  });
});

describe('limits of a grant', () => {
  test('viewers, streams, and the bitrate that is asked for', async () => {
    const limits = { viewers: 1, bitrate: 300_000, streams: 1 };
    const key = await grant({ stream: 'small-*', actions: ['publish'], subject: 'small', limits });
    const client = await TestClient.connect(server.wsUrl);
    const { videoBitrate } = await client.request('publish', { stream: 'small-1', key, tracks: ['audio'] });
    expect(videoBitrate).toEqual({ start: 222_222, max: 222_222 });
    const other = await TestClient.connect(server.wsUrl);
    const rtpCapabilities = await capabilities(other);
    const second = { type: 'publish', stream: 'small-2', key, tracks: ['audio'] };
    expect((await other.refusal(second)).code).toBe('too_many_requests');
    await other.request('watch', { stream: 'small-1', rtpCapabilities });
    const third = await TestClient.connect(server.wsUrl);
    expect((await third.refusal({ type: 'watch', stream: 'small-1', rtpCapabilities })).code).toBe('full');
    for (const each of [client, other, third]) await each.close();
  });
});

describe('administering', () => {
  test('by token, for the streams that it says', async () => {
    const some = await grant({ actions: ['administer'], stream: 'board-*' });
    expect((await rest('GET', '/api/streams/board-live/sessions', some)).status).toBe(200);
    expect((await rest('GET', '/api/streams/other/sessions', some)).status).toBe(401);
    expect((await rest('GET', '/api/streams', some)).status).toBe(401);
    expect((await rest('POST', '/api/revoke', some, { jti: 'x' })).status).toBe(401);
    const all = await grant({ actions: ['administer'], stream: '*', subject: 'root' });
    expect((await rest('GET', '/api/streams', all)).status).toBe(200);
    expect((await rest('GET', '/api/cameras', all)).status).toBe(200);
    expect((await rest('GET', '/metrics', all)).status).toBe(200);
    expect((await rest('GET', '/api/recordings', all)).status).toBe(200);
    expect((await rest('POST', '/api/streams/board-live/recording', all)).status).toBe(201);
    expect((await rest('DELETE', '/api/streams/board-live/recording', all)).status).toBe(200);
    for (const audit of ['recording.start', 'recording.stop'])
      expect(server.records('admin action')).toContainEqual(
        expect.objectContaining({ audit, subject: 'root', streamId: 'board-live' }),
      );
  });

  test('a grant to record is one for that alone', async () => {
    const key = await grant({ actions: ['record'], stream: 'board-live' });
    expect((await rest('GET', '/api/streams/board-live', key)).status).toBe(200);
    expect((await rest('GET', '/api/streams/board-live/recording', key)).status).toBe(200);
    expect((await rest('GET', '/api/recordings', key)).status).toBe(401);
    expect((await rest('GET', '/api/streams/board-live/sessions', key)).status).toBe(401);
    expect((await whep('board-live', key)).status).toBe(401);
  });

  test.each([
    [{}],
    [{ jti: '' }],
    [{ jti: 'a', subject: 'b' }],
    [{ subject: 'key:adminKey' }],
    [{ subject: 'address:127.0.0.1' }],
    [{ jti: 'a', expires: 'soon' }],
    ['jti'],
  ])('revoke %j is not understood', async (body) => {
    expect((await rest('POST', '/api/revoke', KEYS.admin, body)).status).toBe(400);
  });
});

test('no token and no key is in the log', () => {
  const log = server.output();
  expect(log).toContain('"msg":"refused"');
  expect(used.size).toBeGreaterThan(20);
  for (const secret of used) expect(log).not.toContain(secret);
  // Nor a part that could be told by its beginning.
  expect(log).not.toContain('eyJ');
});
