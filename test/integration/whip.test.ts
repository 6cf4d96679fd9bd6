/** WHIP and WHEP as HTTP: what a client may ask, and what it is told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publish, TestClient } from '../helpers/client.ts';
import { fragment, publishOffer, watchOffer } from '../helpers/sdp.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const KEY = 'a-publish-key-for-tests';
const SDP = { 'Content-Type': 'application/sdp' };
const FRAGMENT = { 'Content-Type': 'application/trickle-ice-sdpfrag' };
const BEARER = { Authorization: `Bearer ${KEY}` };

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    PHAROS_AUTH_PUBLISH: 'key',
    PHAROS_AUTH_PUBLISH_KEY: KEY,
    PHAROS_ICE_SERVERS: '[{ urls: "stun:stun.example.org" }]',
    PHAROS_TURN_URLS: 'turn:turn.example.org:3478',
    PHAROS_TURN_SECRET: 'shared',
    PHAROS_LIMITS_VIEWERS_PER_STREAM: 2,
  });
});
afterAll(() => server.stop());

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.url + path, { method: 'POST', headers: { ...SDP, ...headers }, body });
}
const whip = (id: string, body = publishOffer(), headers: Record<string, string> = BEARER) =>
  post(`/whip/${id}`, body, headers);

/** A session that is to be there. */
async function created(response: Response): Promise<{ url: string; etag: string; answer: string }> {
  expect(response.status).toBe(201);
  return {
    url: new URL(response.headers.get('Location') ?? '', response.url).href,
    etag: response.headers.get('ETag') ?? '',
    answer: await response.text(),
  };
}

async function problem(response: Response) {
  expect(response.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
  const body = (await response.json()) as { status: number; code: string; detail: string };
  expect(body.status).toBe(response.status);
  return body;
}

const end = (url: string) => fetch(url, { method: 'DELETE' });

describe('POST', () => {
  test('201 with answer, Location, ETag and ICE servers', async () => {
    const response = await whip('created');
    expect(response.headers.get('Content-Type')).toBe('application/sdp');
    expect(response.headers.get('ETag')).toMatch(/^"[\w-]+"$/);
    expect(response.headers.get('Location')).toMatch(/^\/whip\/created\/[\w-]{22}$/);
    const links = response.headers.get('Link') ?? '';
    expect(links).toContain('<stun:stun.example.org>; rel="ice-server"');
    expect(links).toMatch(
      /<turn:turn\.example\.org:3478>; rel="ice-server"; username="\d+:\w+"; credential="[^"]+"; credential-type="password"/,
    );
    const { url, answer } = await created(response);
    expect(answer).toContain('a=ice-lite');
    expect(answer).toContain('a=setup:passive');
    expect((await end(url)).status).toBe(200);
  });

  test.each([
    ['no grant', {}, 401],
    ['a wrong grant', { Authorization: 'Bearer wrong' }, 401],
    ['another scheme', { Authorization: `Basic ${KEY}` }, 401],
  ])('%s: told to bring one', async (_what, headers, status) => {
    const response = await whip('refused', publishOffer(), headers);
    expect(response.status).toBe(status);
    expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer/);
    expect(await problem(response)).toMatchObject({ code: 'unauthorized' });
  });

  test.each([
    [
      'wrong content type',
      'ok',
      { 'Content-Type': 'application/json' },
      publishOffer(),
      415,
      'application/sdp',
    ],
    ['not SDP', 'ok', SDP, 'hello', 400, 'SDP'],
    ['nothing', 'ok', SDP, '', 400, 'SDP'],
    ['a codec we do not carry', 'ok', SDP, publishOffer({ video: 'AV1', audio: false }), 406, 'AV1'],
    ['an id that cannot be', 'a.b', SDP, publishOffer(), 400, 'stream id'],
    ['too large', 'ok', SDP, publishOffer() + 'a=x\r\n'.repeat(20_000), 413, '65536'],
  ])('%s', async (_what, id, headers, body, status, told) => {
    const response = await whip(id, body, { ...BEARER, ...headers });
    expect(response.status).toBe(status);
    expect((await problem(response)).detail).toContain(told);
  });

  test('406 names what was offered and what is carried', async () => {
    const { detail } = await problem(await whip('av1', publishOffer({ video: 'AV1', audio: false })));
    expect(detail).toMatch(/AV1.*VP8.*H\.264/);
  });

  test('an m-line that cannot be carried is rejected, the others are not', async () => {
    const { answer, url } = await created(await whip('partly', publishOffer({ video: 'AV1' })));
    expect(answer).toMatch(/^m=video 0 /m);
    expect(answer).toMatch(/^m=audio 9 /m);
    const told = await fetch(`${server.url}/api/streams/partly`, { headers: BEARER });
    expect(await told.json()).toMatchObject({
      notices: [{ code: 'not_carried', message: expect.stringContaining('AV1') }],
    });
    await end(url);
  });

  test('an id in use by another grant, or by one that is alive, is 409', async () => {
    const { client } = await publish(`${server.wsUrl}`, { stream: 'taken', key: KEY });
    const response = await whip('taken');
    expect(response.status).toBe(409);
    expect(await problem(response)).toMatchObject({ code: 'stream_in_use' });
    await client.close();
  });
});

describe('a session', () => {
  test('trickles, restarts ICE, and ends', async () => {
    const { url, etag } = await created(await whip('session', publishOffer({ ufrag: 'first' })));
    const patch = (body: string, headers: Record<string, string>) =>
      fetch(url, { method: 'PATCH', headers: { ...FRAGMENT, ...headers }, body });

    expect((await patch(fragment('first'), {})).status).toBe(428);
    expect((await patch(fragment('first'), { 'If-Match': '"other"' })).status).toBe(412);
    expect((await patch(fragment('first'), { 'If-Match': etag, 'Content-Type': 'text/plain' })).status).toBe(
      415,
    );
    expect((await patch('rubbish', { 'If-Match': etag })).status).toBe(400);
    expect((await patch(fragment('first'), { 'If-Match': etag })).status).toBe(204);

    const restart = await patch(fragment('second'), { 'If-Match': '*' });
    expect(restart.status).toBe(200);
    expect(restart.headers.get('Content-Type')).toBe('application/trickle-ice-sdpfrag');
    const renewed = restart.headers.get('ETag') ?? '';
    expect(renewed).not.toBe(etag);
    const answered = await restart.text();
    expect(answered).toMatch(/^a=ice-ufrag:\S+\r$/m);
    expect(answered).toMatch(/^a=candidate:/m);
    expect((await patch(fragment('second'), { 'If-Match': etag })).status).toBe(412);
    expect((await patch(fragment('second'), { 'If-Match': renewed })).status).toBe(204);

    expect((await end(url)).status).toBe(200);
    expect((await end(url)).status).toBe(404);
    expect((await patch(fragment('second'), { 'If-Match': '*' })).status).toBe(404);
    expect((await whip('session')).status).toBe(201);
  });

  test('is found only by its whole address', async () => {
    const { url } = await created(await whip('whole'));
    expect((await end(url.replace('/whole/', '/other/'))).status).toBe(404);
    expect((await end(url.replace('/whip/', '/whep/'))).status).toBe(404);
    expect((await end(url.slice(0, -1))).status).toBe(404);
    expect((await end(url)).status).toBe(200);
  });

  test('PATCH is bounded', async () => {
    const { url, etag } = await created(await whip('patches', publishOffer({ ufrag: 'same' })));
    const statuses = new Set<number>();
    for (let i = 0; i < 60; i++) {
      const response = await fetch(url, {
        method: 'PATCH',
        headers: { ...FRAGMENT, 'If-Match': etag },
        body: fragment('same'),
      });
      statuses.add(response.status);
      if (response.status === 429) expect(response.headers.get('Retry-After')).toMatch(/^\d+$/);
    }
    expect([...statuses]).toEqual([204, 429]);
    await end(url);
  });

  test('one that was never heard of again goes when its media does not come up', async () => {
    const short = await startServer({ PHAROS_AUTH_PUBLISH: 'open', PHAROS_LIMITS_MEDIA_SETUP_TIME: 1 });
    const response = await fetch(`${short.url}/whip/ghost`, {
      method: 'POST',
      headers: SDP,
      body: publishOffer(),
    });
    const { url } = await created(response);
    await short.record('stream interrupted', { streamId: 'ghost', reason: 'media_lost' });
    expect((await end(url)).status).toBe(404);
    await short.stop();
  });
});

describe('takeover', () => {
  test('a silent session goes to who comes with the same grant', async () => {
    const old = await created(await whip('mine'));
    // Its media never came up: half-dead, and older than a session that only just begins.
    await expect.poll(async () => (await whip('mine')).status, { timeout: 10_000, interval: 500 }).toBe(201);
    expect((await end(old.url)).status).toBe(404);
    expect(server.records('stream interrupted')).toContainEqual(
      expect.objectContaining({ streamId: 'mine', reason: 'taken_over' }),
    );
  });
});

describe('WHEP', () => {
  test('201 with an answer that sends, by the numbers of the offer', async () => {
    const { client } = await publish(server.wsUrl, { stream: 'play', key: KEY });
    const { answer, url } = await created(await post('/whep/play', watchOffer()));
    expect(answer).toMatch(/^m=audio 9 UDP\/TLS\/RTP\/SAVPF 111\r$/m);
    expect(answer).toMatch(/^m=video 9 UDP\/TLS\/RTP\/SAVPF 96\r$/m);
    expect(answer).toMatch(/^a=rtpmap:96 VP8\/90000\r$/m);
    expect(answer.match(/^a=sendonly\r$/gm)).toHaveLength(2);
    expect(await client.event('viewers')).toMatchObject({ count: 1 });
    expect((await end(url)).status).toBe(200);
    expect(await client.event('viewers', 1)).toMatchObject({ count: 0 });
    await client.close();
  });

  test('a stream that is not live is 404 with Retry-After', async () => {
    const response = await post('/whep/nobody', watchOffer());
    expect(response.status).toBe(404);
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(await problem(response)).toMatchObject({ code: 'stream_not_found' });
  });

  test('a full stream is 503 with Retry-After', async () => {
    const { client } = await publish(server.wsUrl, { stream: 'full', key: KEY });
    await created(await post('/whep/full', watchOffer()));
    await created(await post('/whep/full', watchOffer()));
    const response = await post('/whep/full', watchOffer());
    expect(response.status).toBe(503);
    expect(response.headers.get('Retry-After')).toMatch(/^\d+$/);
    expect(await problem(response)).toMatchObject({ code: 'full' });
    await client.close();
  });

  test.each([
    ['constrained baseline', '42e01f', '42001f', 201],
    ['high to one who takes baseline', '64001f', '42e01f', 406],
    ['main to one who takes high', '4d001f', '64001f', 201],
  ])('H.264 profiles: %s', async (_what, sent, taken, status) => {
    const { url } = await created(
      await whip('profile', publishOffer({ video: 'H264', profile: sent, audio: false })),
    );
    const response = await post('/whep/profile', watchOffer({ video: 'H264', profile: taken, audio: false }));
    expect(response.status).toBe(status);
    if (status === 406) expect((await problem(response)).detail).toMatch(/H264|H\.264/);
    await end(url);
  });

  test('ends with the stream', async () => {
    const { client } = await publish(server.wsUrl, { stream: 'ends', key: KEY });
    const { url } = await created(await post('/whep/ends', watchOffer()));
    await client.request('stop', {});
    await expect.poll(async () => (await end(url)).status).toBe(404);
    await client.close();
  });

  test('where configured it waits, until the stream is live or its time is over', async () => {
    const waits = await startServer({
      PHAROS_WHEP_WAIT: 2,
      PHAROS_AUTH_PUBLISH: 'open',
      PHAROS_LIMITS_PUBLISHER_GRACE: 0,
    });
    const ask = (signal?: AbortSignal) =>
      fetch(`${waits.url}/whep/later`, {
        method: 'POST',
        headers: SDP,
        body: watchOffer(),
        ...(signal && { signal }),
      });
    const asked = ask();
    const observer = await TestClient.connect(waits.wsUrl);
    const { client } = await publish(waits.wsUrl, { stream: 'later' });
    const { url } = await created(await asked);
    await fetch(url, { method: 'DELETE' });
    await client.close();
    await waits.record('stream ended', { streamId: 'later' });
    expect((await ask()).status).toBe(404);
    // One who hangs up no longer waits.
    const hangUp = new AbortController();
    const left = ask(hangUp.signal).catch(() => 'left');
    hangUp.abort();
    expect(await left).toBe('left');
    await observer.close();
    await waits.stop();
  });
});

describe('OPTIONS and CORS', () => {
  test.each([
    ['/whip/any', 'Accept-Post', 'application/sdp', 'OPTIONS, POST'],
    ['/whep/any', 'Accept-Post', 'application/sdp', 'OPTIONS, POST'],
    ['/whip/any/session', 'Accept-Patch', 'application/trickle-ice-sdpfrag', 'DELETE, OPTIONS, PATCH'],
  ])('%s says what it takes, without a grant', async (path, name, value, methods) => {
    const response = await fetch(server.url + path, {
      method: 'OPTIONS',
      headers: { Origin: 'https://example.org', 'Access-Control-Request-Method': 'POST' },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get(name)).toBe(value);
    expect(response.headers.get('Allow')).toBe(methods);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(response.headers.get('Access-Control-Allow-Headers')).toMatch(
      /Authorization.*Content-Type.*If-Match/,
    );
  });

  test('a page elsewhere may read what it needs of an answer, a refusal too', async () => {
    const response = await whip('cors', publishOffer(), { ...BEARER, Origin: 'https://example.org' });
    expect(response.headers.get('Access-Control-Expose-Headers')).toMatch(/ETag.*Link.*Location/);
    await end((await created(response)).url);
    const refused = await post('/whep/nobody', watchOffer(), { Origin: 'https://example.org' });
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe('*');
  });

  test.each([
    ['GET', '/whip/any'],
    ['PUT', '/whip/any'],
    ['DELETE', '/whep/any'],
    ['POST', '/whip/any/session'],
    ['GET', '/whep/any/session'],
  ])('%s %s is 405 with Allow', async (method, path) => {
    const response = await fetch(server.url + path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')).toContain('OPTIONS');
    expect(await problem(response)).toMatchObject({ code: 'method_not_allowed' });
  });
});

test('joins per address are bounded here too, with Retry-After', async () => {
  const strict = await startServer({ PHAROS_AUTH_PUBLISH: 'open', PHAROS_LIMITS_JOINS_PER_ADDRESS: 3 });
  const ask = () => fetch(`${strict.url}/whep/x`, { method: 'POST', headers: SDP, body: watchOffer() });
  for (let i = 0; i < 3; i++) expect((await ask()).status).toBe(404);
  const response = await ask();
  expect(response.status).toBe(429);
  expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
  await strict.stop();
});

test('how a stream does is told to whoever may publish it', async () => {
  const { url } = await created(await whip('status'));
  const ask = (headers: Record<string, string>) => fetch(`${server.url}/api/streams/status`, { headers });
  expect((await ask({})).status).toBe(401);
  expect(await (await ask(BEARER)).json()).toEqual({ stream: 'status', live: true, viewers: 0, notices: [] });
  await end(url);
  expect((await ask(BEARER)).status).toBe(404);
});
