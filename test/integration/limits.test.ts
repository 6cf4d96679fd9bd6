import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { capabilities, DTLS, publish, TestClient, watch } from '../helpers/client.ts';
import { scrape } from '../helpers/metrics.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function start(settings: Record<string, string | number>): Promise<TestServer> {
  server = await startServer(settings);
  return server;
}

test('an oversize message closes the connection with 1009; others go on', async () => {
  const { wsUrl } = await start({ PHAROS_LIMITS_MESSAGE_BYTES: 4096 });
  const other = await TestClient.connect(wsUrl);
  const client = await TestClient.connect(wsUrl);
  client.send(JSON.stringify({ id: 1, type: 'stop', padding: 'x'.repeat(5000) }));
  expect((await client.closed()).code).toBe(1009);
  expect((await other.refusal({ type: 'stop' })).code).toBe('wrong_order');
});

test.each(['messages', 'pings'])('a flood of %s closes the connection with 1008', async (kind) => {
  const { wsUrl } = await start({ PHAROS_LIMITS_MESSAGES_PER_SECOND: 5 });
  const client = await TestClient.connect(wsUrl);
  for (let i = 0; i < 100; i++) {
    if (kind === 'pings') client.ws.ping();
    else client.send({ id: i, type: 'stop' });
  }
  expect((await client.closed()).code).toBe(1008);
  expect(await client.event('closing')).toMatchObject({ error: { code: 'too_many_requests' } });
});

test('a message in more frames than may be closes the connection with 1008, one in as many does not', async () => {
  const { wsUrl, url } = await start({
    PHAROS_LIMITS_MESSAGE_FRAGMENTS: 8,
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
  });
  const client = await TestClient.connect(wsUrl);
  const send = (frames: number) => {
    const text = JSON.stringify({ id: frames, type: 'stop' }).padEnd(frames);
    for (let index = 0; index < frames; index++) {
      const rest = index === frames - 1;
      client.ws.send(rest ? text.slice(index) : text.slice(index, index + 1), { fin: rest, binary: false });
    }
  };
  send(8);
  expect(await client.answer(8)).toMatchObject({ ok: false, error: { code: 'wrong_order' } });
  send(9);
  expect((await client.closed()).code).toBe(1008);
  expect((await scrape(url)).value('pharos_refusals_total', { code: 'too_many_requests' })).toBe(1);
});

test('a connection on which nothing valid was asked is closed with 1008; one request is enough', async () => {
  const { wsUrl, url } = await start({ PHAROS_LIMITS_IDLE_TIME: 1, PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY });
  const speaking = await TestClient.connect(wsUrl);
  await speaking.refusal({ type: 'stop' });
  const silent = await TestClient.connect(wsUrl);
  const talking = await TestClient.connect(wsUrl);
  await talking.refusal({ type: 'dance' });
  for (const client of [silent, talking]) {
    expect(await client.closed()).toEqual({ code: 1008, reason: 'idle' });
    expect(await client.event('closing')).toMatchObject({ error: { code: 'idle' } });
  }
  await speaking.refusal({ type: 'stop' });
  expect((await scrape(url)).value('pharos_refusals_total', { code: 'idle' })).toBe(2);
});

test('connections per address: one more is told so and closed with 1013; a freed place is usable', async () => {
  const { wsUrl } = await start({ PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS: 2 });
  const first = await TestClient.connect(wsUrl);
  const second = await TestClient.connect(wsUrl);
  await second.event('welcome');
  const third = await TestClient.connect(wsUrl);
  expect((await third.closed()).code).toBe(1013);
  await first.close();
  await second.refusal({ type: 'stop' });
  const fourth = await TestClient.connect(wsUrl);
  await fourth.event('welcome');
});

test('behind a trusted proxy each client is an address of its own, whatever it writes into the header', async () => {
  const { wsUrl } = await start({
    PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS: 1,
    PHAROS_HTTP_TRUSTED_PROXIES: 'loopback',
  });
  const connect = (forwarded: string) =>
    TestClient.connect(wsUrl, { headers: { 'X-Forwarded-For': forwarded } });
  const clients = await Promise.all(['192.0.2.1', '192.0.2.2', '2001:db8::1'].map(connect));
  await Promise.all(clients.map((client) => client.event('welcome')));
  for (const again of ['192.0.2.1', '198.51.100.1, 192.0.2.2', '2001:db8::2', '192.0.2.1, 127.0.0.1'])
    expect((await (await connect(again)).closed()).code, again).toBe(1013);
});

test('joins per address', async () => {
  const { wsUrl } = await start({ PHAROS_LIMITS_JOINS_PER_ADDRESS: 2 });
  const client = await TestClient.connect(wsUrl);
  const fields = { stream: 'x', rtpCapabilities: await capabilities(client) };
  await client.request('watch', fields);
  await client.request('stop', {});
  await client.request('watch', fields);
  await client.request('stop', {});
  expect((await client.refusal({ type: 'watch', ...fields })).code).toBe('too_many_requests');
});

test('viewers per stream: full; another stream is not touched', async () => {
  const { wsUrl } = await start({ PHAROS_LIMITS_VIEWERS_PER_STREAM: 1 });
  await publish(wsUrl, { stream: 'one' });
  await publish(wsUrl, { stream: 'two' });
  await watch(wsUrl, 'one');
  await expect(watch(wsUrl, 'one')).rejects.toThrow(/^full: /);
  expect((await watch(wsUrl, 'two')).answer.state).toBe('live');
});

test('waiting viewers are bounded over all streams, and a place is given back', async () => {
  const { wsUrl } = await start({ PHAROS_LIMITS_WAITING_VIEWERS: 1 });
  const { client } = await watch(wsUrl, 'a');
  await expect(watch(wsUrl, 'b')).rejects.toThrow(/^stream_not_found: /);
  await client.request('stop', {});
  expect((await watch(wsUrl, 'b')).answer.state).toBe('waiting');
});

test('waiting is bounded in time', async () => {
  const { wsUrl } = await start({ PHAROS_LIMITS_WAIT_TIME: 1 });
  const { client } = await watch(wsUrl, 'never');
  expect(await client.event('ended')).toMatchObject({ reason: 'wait_timeout', waiting: false });
  expect(
    await client.request('watch', { stream: 'never', rtpCapabilities: await capabilities(client) }),
  ).toMatchObject({
    state: 'waiting',
  });
});

test('streams are bounded', async () => {
  const { wsUrl } = await start({ PHAROS_LIMITS_STREAMS: 1 });
  const { client } = await publish(wsUrl);
  await expect(publish(wsUrl)).rejects.toThrow(/^server_full: /);
  await client.request('stop', {});
  await publish(wsUrl);
});

test('media that never comes up ends the publisher and the viewer', async () => {
  const { wsUrl } = await start({ PHAROS_LIMITS_MEDIA_SETUP_TIME: 1 });
  const { client: publisher } = await publish(wsUrl, { stream: 'dark' });
  const { client: viewer } = await watch(wsUrl, 'dark');
  expect(await publisher.event('ended')).toMatchObject({ reason: 'media_lost' });
  expect(await viewer.event('ended')).toMatchObject({ reason: 'media_lost' });
});

test('a client that answers no ping is gone, and its stream with it', async () => {
  const started = await start({ PHAROS_LIMITS_HEARTBEAT: 1, PHAROS_LIMITS_SESSION_GRACE: 1 });
  const ws = new WebSocket(started.wsUrl, { autoPong: false });
  await new Promise((resolve) => ws.once('message', resolve));
  ws.send(JSON.stringify({ id: 1, type: 'publish', stream: 'silent', tracks: ['audio'] }));
  await new Promise((resolve) => ws.once('close', resolve));
  await started.record('stream ended', { streamId: 'silent', reason: 'publisher_left' });
});

test('a page of a foreign origin is refused; the own and a configured one are not', async () => {
  const { wsUrl, url } = await start({ PHAROS_HTTP_ALLOWED_ORIGINS: 'https://friend.example' });
  const foreign = new WebSocket(wsUrl, { headers: { origin: 'https://evil.example' } });
  const status = await new Promise((resolve) =>
    foreign.once('unexpected-response', (_, response) => resolve(response.statusCode)),
  );
  expect(status).toBe(403);
  for (const origin of [url, 'https://friend.example']) {
    const client = await TestClient.connect(wsUrl, { headers: { origin } });
    await client.event('welcome');
  }
});

test('publishing needs the key where it is asked for; watching never does', async () => {
  const key = 'correct-horse-battery';
  const { wsUrl, output } = await start({ PHAROS_AUTH_PUBLISH: 'key', PHAROS_AUTH_PUBLISH_KEY: key });
  const client = await TestClient.connect(wsUrl);
  expect((await client.event('welcome')).keyNeeded).toBe(true);
  for (const wrong of [undefined, 'incorrect-horse-battery', '']) {
    expect((await client.refusal({ type: 'publish', key: wrong, tracks: ['audio'] })).code).toBe(
      'not_allowed',
    );
  }
  await client.request('publish', { key, tracks: ['audio'] });
  expect((await watch(wsUrl, 'any')).answer.state).toBe('waiting');
  expect(output()).not.toContain(key);
});

test.each([
  ['through a proxy', { 'x-forwarded-for': '203.0.113.9' }],
  ['by another host name', { host: 'rebound.example' }],
  ['for a page from elsewhere', { host: 'stream.example', origin: 'https://stream.example' }],
])('by default a key is needed %s', async (_, headers: Record<string, string>) => {
  const { wsUrl } = await start({});
  const local = await TestClient.connect(wsUrl);
  expect((await local.event('welcome')).keyNeeded).toBe(false);
  const client = await TestClient.connect(wsUrl, { headers });
  expect((await client.event('welcome')).keyNeeded).toBe(true);
  expect((await client.refusal({ type: 'publish', tracks: ['audio'] })).code).toBe('not_allowed');
});

test('the publisher is told by what address others reach the stream', async () => {
  const { wsUrl } = await start({
    PHAROS_HTTP_PUBLIC_URL: 'https://live.example.org/',
    PHAROS_AUTH_PUBLISH: 'open',
  });
  const client = await TestClient.connect(wsUrl);
  const { watchUrl } = await client.request('publish', { stream: 'far', tracks: ['audio'] });
  expect(watchUrl).toBe('https://live.example.org/watch/far');
});

test('DTLS once connected is not connected anew', async () => {
  const { wsUrl } = await start({});
  await publish(wsUrl, { stream: 's' });
  const { client } = await watch(wsUrl, 's');
  await client.request('connect', { dtlsParameters: DTLS });
  expect((await client.refusal({ type: 'connect', dtlsParameters: DTLS })).code).toBe('wrong_order');
});
