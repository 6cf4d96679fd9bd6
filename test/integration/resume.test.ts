/** What outlives a lost connection, and a publisher that drops out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DTLS, publish, rtpParameters, TestClient, watch } from '../helpers/client.ts';
import { publishCommand } from '../helpers/live.ts';
import { media } from '../helpers/media.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    PHAROS_AUTH_PUBLISH: 'open',
    PHAROS_HTTP_TRUSTED_PROXIES: '127.0.0.1',
    PHAROS_LIMITS_SESSION_GRACE: 2,
    PHAROS_LIMITS_PUBLISHER_GRACE: 2,
  });
});
afterAll(() => server.stop());

const connect = (address?: string) =>
  TestClient.connect(server.wsUrl, address ? { headers: { 'x-forwarded-for': address } } : {});

async function takeOver(client: TestClient, stream: string, resume: string): Promise<void> {
  await client.request('publish', { stream, resume, tracks: ['audio', 'video'] });
  await client.request('connect', { dtlsParameters: DTLS });
  await client.request('produce', { kind: 'audio', rtpParameters: rtpParameters('opus') });
  await client.request('produce', { kind: 'video', rtpParameters: rtpParameters('VP8') });
}

describe('a connection that breaks', () => {
  test('leaves the session; on another one it goes on, with the events missed, each once and in order', async () => {
    const { client: publisher } = await publish(server.wsUrl, { stream: 'goes-on' });
    const { client: first, answer } = await watch(server.wsUrl, 'goes-on');
    first.ws.terminate();
    await publisher.request('stop', {});
    const second = await connect();
    expect(await second.request('resume', { session: answer.session, seq: 0 })).toEqual({ viewers: 1 });
    expect(await second.event('ended')).toMatchObject({ seq: 1, reason: 'stopped', waiting: true });
    second.ws.terminate();
    const { client: again } = await publish(server.wsUrl, { stream: 'goes-on' });
    const third = await connect();
    await third.request('resume', { session: answer.session, seq: 1 });
    expect((await third.event('live')).seq).toBe(2);
    expect(third.received.some((message) => JSON.stringify(message).includes('"ended"'))).toBe(false);
    await Promise.all([third.close(), again.close()]);
  });

  test('does not have a request done twice that is sent again', async () => {
    const { client: publisher } = await publish(server.wsUrl, { stream: 'once' });
    const { client: first, answer } = await watch(server.wsUrl, 'once');
    const request = { id: 1000, type: 'connect', dtlsParameters: DTLS };
    first.send(request);
    expect(await first.answer(1000)).toMatchObject({ ok: true });
    // On the same connection it is another request, and connected already.
    first.send(request);
    expect(await first.answer(1000, 1)).toMatchObject({ ok: false, error: { code: 'wrong_order' } });
    first.send({ ...request, id: 1001 });
    expect(await first.answer(1001)).toMatchObject({ ok: false });
    const other = await watch(server.wsUrl, 'once');
    other.client.send(request);
    await other.client.answer(1000);
    other.client.ws.terminate();
    const second = await connect();
    await second.request('resume', { session: other.answer.session, seq: 0 });
    second.send(request);
    expect(await second.answer(1000)).toMatchObject({ ok: true });
    expect(answer.session).not.toBe(other.answer.session);
    await Promise.all([second.close(), first.close(), publisher.close()]);
  });

  test('may be a connection that only seems open: it is closed, and the session unharmed', async () => {
    const { client: publisher, stream } = await publish(server.wsUrl, { stream: 'half-open' });
    const { client: first, answer } = await watch(server.wsUrl, stream);
    const second = await connect();
    await second.request('resume', { session: answer.session, seq: 0 });
    expect((await first.event('closing')).error.code).toBe('session_lost');
    expect((await first.closed()).code).toBe(1000);
    await second.request('connect', { dtlsParameters: DTLS });
    await Promise.all([second.close(), publisher.close()]);
  });

  test('and for too long, ends the session', async () => {
    const { client: publisher } = await publish(server.wsUrl, { stream: 'too-long' });
    const { client: first, answer } = await watch(server.wsUrl, 'too-long');
    first.ws.terminate();
    await publisher.event('viewers', 0);
    await expect.poll(() => viewers('too-long'), { timeout: 5000 }).toBe(0);
    const second = await connect();
    const refusal = await second.refusal({ type: 'resume', session: answer.session, seq: 0 });
    expect(refusal.code).toBe('session_lost');
    await Promise.all([second.close(), publisher.close()]);
  });

  test('with an answer under way: the session is not kept for one who knows nothing of it', async () => {
    const { client: publisher, stream } = await publish(server.wsUrl, { stream: 'unheard' });
    const lost = await connect();
    const { rtpCapabilities } = await lost.event('welcome');
    lost.send({ id: 1, type: 'watch', stream, rtpCapabilities });
    lost.ws.terminate();
    await expect.poll(() => viewers(stream)).toBe(0);
    await publisher.close();
  });

  test('is another matter than one that is closed: that ends a viewer at once', async () => {
    const { client: publisher, stream } = await publish(server.wsUrl, { stream: 'closed' });
    const { client, answer } = await watch(server.wsUrl, stream);
    await client.close();
    const second = await connect();
    await expect
      .poll(async () => (await second.refusal({ type: 'resume', session: answer.session, seq: 0 })).code)
      .toBe('session_lost');
    await Promise.all([second.close(), publisher.close()]);
  });

  test.each([
    ['a secret of nobody', { session: 'AAAAAAAAAAAAAAAAAAAAAA', seq: 0 }],
    ['an empty one', { session: '', seq: 0 }],
  ])('resume with %s is refused', async (_, fields) => {
    const client = await connect();
    expect((await client.refusal({ type: 'resume', ...fields })).code).toBe('session_lost');
    await client.close();
  });

  test('resume with events that never were is refused', async () => {
    const { client, answer } = await watch(server.wsUrl, 'nobody-yet');
    client.ws.terminate();
    const second = await connect();
    const refusal = await second.refusal({ type: 'resume', session: answer.session, seq: 5 });
    expect(refusal.code).toBe('session_lost');
    await second.close();
  });
});

describe('a publisher that drops out', () => {
  test('comes back by its secret, from another address: viewers keep their transports', async () => {
    const { client: publisher, session } = await live('reload', '192.0.2.1');
    const { client: viewer } = await watch(server.wsUrl, 'reload');
    await viewer.request('connect', { dtlsParameters: DTLS });
    await publisher.close();
    expect(await viewer.event('away')).toMatchObject({ reason: 'publisher_left' });
    const stranger = await connect('192.0.2.2');
    const refusal = await stranger.refusal({ type: 'publish', stream: 'reload', tracks: ['audio'] });
    expect(refusal.code).toBe('stream_in_use');
    const back = await connect('192.0.2.3');
    await takeOver(back, 'reload', session);
    const { consumers, viewers: count } = await viewer.event('tracks');
    expect(consumers.map(({ kind }) => kind).sort()).toEqual(['audio', 'video']);
    expect(count).toBe(1);
    // The transport is the one that was connected.
    expect((await viewer.refusal({ type: 'connect', dtlsParameters: DTLS })).code).toBe('wrong_order');
    await Promise.all([viewer.close(), stranger.close(), back.request('stop', {})]);
  });

  test('takes over while the old session still seems alive; that one is told, and cannot end the new one', async () => {
    const { client: old, session } = await live('alive', '192.0.2.1');
    const { client: viewer } = await watch(server.wsUrl, 'alive');
    const wrong = await connect('192.0.2.3');
    const guess = { type: 'publish', stream: 'alive', tracks: ['audio'], resume: `${session.slice(0, -1)}_` };
    expect((await wrong.refusal(guess)).code).toBe('stream_in_use');
    const back = await connect('192.0.2.3');
    await takeOver(back, 'alive', session);
    expect(await old.event('ended')).toMatchObject({ reason: 'taken_over', waiting: false });
    await old.close();
    await viewer.event('tracks');
    expect(viewer.received.some((message) => JSON.stringify(message).includes('"ended"'))).toBe(false);
    await Promise.all([viewer.close(), wrong.close(), back.request('stop', {})]);
  });

  test('and does not come back: its viewers wait, and the id is free', async () => {
    const { client: publisher } = await live('gone', '192.0.2.1');
    const { client: viewer } = await watch(server.wsUrl, 'gone');
    await publisher.close();
    await viewer.event('away');
    expect(await viewer.event('ended')).toMatchObject({ reason: 'publisher_left', waiting: true });
    const { client: next } = await live('gone', '192.0.2.2');
    expect((await viewer.event('live')).media?.consumers).toHaveLength(2);
    await Promise.all([viewer.close(), next.request('stop', {})]);
  });

  test('a viewer that comes meanwhile waits, and plays when it is back', async () => {
    const { client: publisher, session } = await live('meanwhile', '192.0.2.1');
    await publisher.close();
    await server.record('stream interrupted', { streamId: 'meanwhile' });
    const { client: viewer, answer } = await watch(server.wsUrl, 'meanwhile');
    expect(answer.state).toBe('waiting');
    const back = await connect();
    await takeOver(back, 'meanwhile', session);
    await viewer.event('live');
    await Promise.all([viewer.close(), back.request('stop', {})]);
  });

  test('without a word, its network gone: its viewers are told, and when its media comes again', async () => {
    const args = [await media('h264'), '--stream', 'silent', '--url', server.url, '--loop', '--copy'];
    const encoder = publishCommand(args);
    await encoder.printed('/watch/');
    const { client: viewer } = await watch(server.wsUrl, 'silent');
    encoder.process.kill('SIGSTOP');
    expect(await viewer.event('away')).toMatchObject({ reason: 'media_lost' });
    encoder.process.kill('SIGCONT');
    expect((await viewer.event('back')).seq).toBe(2);
    expect(server.records('stream interrupted').filter(({ streamId }) => streamId === 'silent')).toEqual([]);
    encoder.process.kill('SIGINT');
    await encoder.exit;
    await viewer.close();
  });

  test('Stop is no dropping out: the stream ends at once', async () => {
    const { client: publisher } = await live('stopped', '192.0.2.1');
    const { client: viewer } = await watch(server.wsUrl, 'stopped');
    await publisher.request('stop', {});
    expect(await viewer.event('ended')).toMatchObject({ reason: 'stopped', waiting: true });
    expect(viewer.received.some((message) => JSON.stringify(message).includes('"away"'))).toBe(false);
    await Promise.all([viewer.close(), publisher.close()]);
  });
});

test('restart_ice gives new credentials for the same transport', async () => {
  const { client: publisher, stream } = await publish(server.wsUrl, { stream: 'ice' });
  const { client: viewer, answer } = await watch(server.wsUrl, stream);
  if (answer.state !== 'live') throw new Error('not live');
  const before = answer.media.transport.iceParameters;
  const { iceParameters } = await viewer.request('restart_ice', {});
  expect(iceParameters.usernameFragment).not.toBe(before.usernameFragment);
  expect(iceParameters.password).not.toBe(before.password);
  expect((await publisher.request('restart_ice', {})).iceParameters.iceLite).toBe(true);
  const { client: waiting } = await watch(server.wsUrl, 'nobody-at-all');
  expect((await waiting.refusal({ type: 'restart_ice' })).code).toBe('wrong_order');
  await Promise.all([publisher, viewer, waiting].map((client) => client.close()));
});

async function live(stream: string, address: string): Promise<{ client: TestClient; session: string }> {
  const client = await connect(address);
  const { session } = await client.request('publish', { stream, tracks: ['audio', 'video'] });
  await client.request('connect', { dtlsParameters: DTLS });
  await client.request('produce', { kind: 'audio', rtpParameters: rtpParameters('opus') });
  await client.request('produce', { kind: 'video', rtpParameters: rtpParameters('VP8') });
  await client.event('live');
  return { client, session };
}

async function viewers(stream: string): Promise<number> {
  const response = await fetch(`${server.url}/api/streams/${stream}`);
  const { viewers: count } = (await response.json()) as { viewers: number };
  return count;
}
