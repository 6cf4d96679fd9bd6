import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { capabilities, DTLS, publish, rtpParameters, TestClient, watch } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
const open: TestClient[] = [];

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());
afterEach(() => Promise.all(open.splice(0).map((client) => client.close())));

/** Closed after the test. */
function kept<T extends TestClient | { client: TestClient }>(value: T): T {
  open.push(value instanceof TestClient ? value : value.client);
  return value;
}
const connect = async () => kept(await TestClient.connect(server.wsUrl));

describe('publish', () => {
  test('with a chosen id goes live when all declared tracks have come', async () => {
    const client = await connect();
    const answer = await client.request('publish', { stream: 'chosen-1', tracks: ['audio', 'video'] });
    expect(answer.stream).toBe('chosen-1');
    expect(answer.transport.dtlsParameters.fingerprints.map(({ algorithm }) => algorithm)).toEqual([
      'sha-256',
    ]);
    await client.request('connect', { dtlsParameters: DTLS });
    await client.request('produce', { kind: 'audio', rtpParameters: rtpParameters('opus') });
    expect(server.records('stream live').some(({ streamId }) => streamId === 'chosen-1')).toBe(false);
    await client.request('produce', { kind: 'video', rtpParameters: rtpParameters('VP8') });
    expect(await client.event('live')).toMatchObject({ viewers: 0 });
  });

  test('without an id gets an unguessable one, a new one each time', async () => {
    const one = kept(await publish(server.wsUrl));
    const two = kept(await publish(server.wsUrl));
    expect(one.stream).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(two.stream).not.toBe(one.stream);
  });

  test('under an id in use is refused, and the stream there is untouched', async () => {
    kept(await publish(server.wsUrl, { stream: 'taken' }));
    const second = await connect();
    const { code, message } = await second.refusal({ type: 'publish', stream: 'taken', tracks: ['audio'] });
    expect(code).toBe('stream_in_use');
    expect(message).toContain('taken');
    const { answer } = kept(await watch(server.wsUrl, 'taken'));
    expect(answer.state).toBe('live');
  });

  test('two at once under one id: exactly one gets it', async () => {
    const clients = await Promise.all([connect(), connect(), connect()]);
    const results = await Promise.allSettled(
      clients.map((client) => client.request('publish', { stream: 'race', tracks: ['audio'] })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('can be stopped and begun again on the same connection and id', async () => {
    const { client } = kept(await publish(server.wsUrl, { stream: 'again' }));
    await client.request('stop', {});
    const { stream } = await client.request('publish', { stream: 'again', tracks: ['audio'] });
    expect(stream).toBe('again');
  });

  test('who disconnected may come back by the same grant, and the stream goes on', async () => {
    const { client } = await publish(server.wsUrl, { stream: 'left' });
    await client.close();
    await server.record('stream interrupted', { streamId: 'left', reason: 'publisher_left' });
    kept(await publish(server.wsUrl, { stream: 'left' }));
    expect(server.records('stream ended').filter(({ streamId }) => streamId === 'left')).toEqual([]);
  });
});

describe('watch', () => {
  test('a live stream: one answer holds the transport and every consumer', async () => {
    kept(await publish(server.wsUrl, { stream: 'live-1' }));
    const { client, answer } = kept(await watch(server.wsUrl, 'live-1'));
    if (answer.state !== 'live') throw new Error('not live');
    expect(answer.media.consumers.map(({ kind }) => kind).sort()).toEqual(['audio', 'video']);
    expect(answer.media.unplayable).toEqual([]);
    expect(answer.media.transport.iceCandidates.map(({ protocol }) => protocol)).toEqual(['udp', 'tcp']);
    expect(await client.request('connect', { dtlsParameters: DTLS })).toEqual({});
  });

  test('before the publisher: waits, and gets the same in a live event', async () => {
    const { client, answer } = kept(await watch(server.wsUrl, 'early'));
    expect(answer).toMatchObject({ state: 'waiting' });
    kept(await publish(server.wsUrl, { stream: 'early' }));
    const { media } = await client.event('live');
    expect(media?.consumers).toHaveLength(2);
    await client.request('connect', { dtlsParameters: DTLS });
  });

  test('Stop ends it for all with a notice, and it starts again for those who stayed', async () => {
    const { client: publisher } = kept(await publish(server.wsUrl, { stream: 'stop' }));
    const viewers = await Promise.all(
      [1, 2, 3].map(async () => kept(await watch(server.wsUrl, 'stop')).client),
    );
    await publisher.request('stop', {});
    for (const viewer of viewers) {
      expect(await viewer.event('ended')).toMatchObject({ reason: 'stopped', waiting: true });
    }
    kept(await publish(server.wsUrl, { stream: 'stop' }));
    for (const viewer of viewers) expect((await viewer.event('live')).media?.consumers).toHaveLength(2);
  });

  test('what the client cannot play is named; if that is all, the join is refused', async () => {
    kept(await publish(server.wsUrl, { stream: 'h264', video: 'H264' }));
    kept(await publish(server.wsUrl, { stream: 'h264-video-only', video: 'H264', tracks: ['video'] }));
    const client = await connect();
    const all = await capabilities(client);
    const rtpCapabilities = {
      ...all,
      codecs: all.codecs.filter(({ mimeType }) => mimeType !== 'video/H264'),
    };
    const { code } = await client.refusal({ type: 'watch', stream: 'h264-video-only', rtpCapabilities });
    expect(code).toBe('unsupported_codec');
    const answer = await client.request('watch', { stream: 'h264', rtpCapabilities });
    if (answer.state !== 'live') throw new Error('not live');
    expect(answer.media.consumers.map(({ kind }) => kind)).toEqual(['audio']);
    expect(answer.media.unplayable).toEqual([{ kind: 'video', mimeType: 'video/H264' }]);
  });

  test('viewer counts reach the publisher, at most one a second however many come and go', async () => {
    const { client: publisher } = kept(await publish(server.wsUrl, { stream: 'count' }));
    const began = performance.now();
    const viewers = await Promise.all(Array.from({ length: 12 }, () => watch(server.wsUrl, 'count')));
    for (const { client } of viewers) kept(client);
    const counts = () =>
      publisher.received.filter((message) => JSON.stringify(message).includes('"viewers","count"')).length;
    await publisher.until(
      (received) => received.find((message) => JSON.stringify(message) === '{"type":"viewers","count":12}'),
      'the count of 12',
    );
    const seconds = (performance.now() - began) / 1000;
    expect(counts()).toBeLessThanOrEqual(Math.ceil(seconds));
  });
});

describe('bad input gets a code and a sentence, and the connection stays', () => {
  test.each([
    ['not JSON', '{"id":1,', 'bad_request', null],
    ['not an object', '[]', 'bad_request', null],
    ['no id', '{"type":"stop"}', 'bad_request', null],
    ['an unknown type', '{"id":7,"type":"dance"}', 'unknown_type', 7],
    ['a bad field', '{"id":8,"type":"watch","stream":"a/b","rtpCapabilities":{}}', 'bad_request', 8],
    ['an unknown field', '{"id":9,"type":"stop","transportId":"of-another"}', 'bad_request', 9],
    ['a prototype', '{"id":10,"type":"__proto__"}', 'unknown_type', 10],
  ])('%s', async (_, text, code, id) => {
    const client = await connect();
    client.send(text);
    const answer = await client.answer(id);
    expect(answer).toMatchObject({ ok: false, error: { code } });
    expect(!answer.ok && answer.error.message.length).toBeGreaterThan(10);
    const { rtpCapabilities } = await client.event('welcome');
    expect(await client.request('watch', { stream: 'nobody', rtpCapabilities })).toMatchObject({
      state: 'waiting',
    });
  });

  test('a binary message', async () => {
    const client = await connect();
    client.ws.send(Buffer.from([1, 2, 3]));
    expect(await client.answer(null)).toMatchObject({ error: { code: 'bad_request' } });
  });

  test('wrong order', async () => {
    const client = await connect();
    const produce = { type: 'produce', kind: 'audio', rtpParameters: rtpParameters('opus') };
    const refused = async (message: Record<string, unknown>) => (await client.refusal(message)).code;
    expect(await refused({ type: 'connect', dtlsParameters: DTLS })).toBe('wrong_order');
    expect(await refused(produce)).toBe('wrong_order');
    expect(await refused({ type: 'stop' })).toBe('wrong_order');
    await client.request('publish', { tracks: ['audio'] });
    expect(await refused(produce)).toBe('wrong_order');
    expect(await refused({ type: 'publish', tracks: ['audio'] })).toBe('wrong_order');
    await client.request('connect', { dtlsParameters: DTLS });
    expect(await refused({ type: 'connect', dtlsParameters: DTLS })).toBe('wrong_order');
    expect(await refused({ ...produce, kind: 'video', rtpParameters: rtpParameters('VP8') })).toBe(
      'wrong_order',
    );
    await client.request('produce', { kind: 'audio', rtpParameters: rtpParameters('opus') });
    expect(await refused(produce)).toBe('wrong_order');
  });

  test('a waiting viewer cannot connect, and no viewer can produce', async () => {
    const { client } = kept(await watch(server.wsUrl, 'nothing-here'));
    expect((await client.refusal({ type: 'connect', dtlsParameters: DTLS })).code).toBe('wrong_order');
    const produce = { type: 'produce', kind: 'audio', rtpParameters: rtpParameters('opus') };
    expect((await client.refusal(produce)).code).toBe('wrong_order');
  });

  test('RTP parameters that fit no router codec, or no kind', async () => {
    const client = await connect();
    await client.request('publish', { tracks: ['audio', 'video'] });
    await client.request('connect', { dtlsParameters: DTLS });
    const { codecs, ...rest } = rtpParameters('VP8');
    const vp9 = { ...rest, codecs: codecs.map((codec) => ({ ...codec, mimeType: 'video/VP9' })) };
    expect((await client.refusal({ type: 'produce', kind: 'video', rtpParameters: vp9 })).code).toBe(
      'unsupported_codec',
    );
    const crossed = { type: 'produce', kind: 'audio', rtpParameters: rtpParameters('VP8') };
    expect((await client.refusal(crossed)).code).toBe('bad_request');
    await client.request('produce', { kind: 'video', rtpParameters: rtpParameters('VP8') });
  });

  test('a DTLS fingerprint that is none; a second, right one is taken', async () => {
    const client = await connect();
    await client.request('publish', { tracks: ['audio'] });
    const dtlsParameters = { role: 'client', fingerprints: [{ algorithm: 'sha-256', value: 'nonsense' }] };
    expect(await client.refusal({ type: 'connect', dtlsParameters })).toEqual({
      code: 'bad_request',
      message: 'dtlsParameters.fingerprints.0.value: a fingerprint is pairs of hex digits between colons',
    });
    await client.request('connect', { dtlsParameters: DTLS });
  });
});
