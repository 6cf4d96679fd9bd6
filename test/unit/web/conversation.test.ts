import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import * as z from 'zod';
import type { Event } from '../../../server/protocol/messages.ts';
import { Conversation } from '../../../web/lib/conversation.ts';

const WELCOME = {
  type: 'welcome',
  rtpCapabilities: { codecs: [], headerExtensions: [] },
  iceServers: [],
  keyNeeded: false,
};
const GRACE = 3000;
const received = z.looseObject({ id: z.number(), type: z.string() });
type Received = z.infer<typeof received>;

/** The server's end of one connection, as a test plays it. */
class Peer {
  readonly ws: WebSocket;
  readonly requests: Received[] = [];
  closeCode: number | undefined;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data) => this.requests.push(received.parse(JSON.parse(String(data)))));
    ws.on('close', (code) => {
      this.closeCode = code;
    });
    this.send(WELCOME);
  }

  send(message: object): void {
    this.ws.send(JSON.stringify(message));
  }

  async request(type: string): Promise<Received> {
    const find = () => this.requests.find((request) => request.type === type);
    await expect.poll(find, { timeout: 5000 }).toBeDefined();
    return find() ?? expect.unreachable();
  }

  async answer(type: string, data: object): Promise<Received> {
    const request = await this.request(type);
    this.send({ id: request.id, ok: true, data });
    return request;
  }

  async refuse(type: string, code: string): Promise<void> {
    const { id } = await this.request(type);
    this.send({ id, ok: false, error: { code, message: code } });
  }
}

let server: WebSocketServer;
const peers: Peer[] = [];
const conversations: Conversation[] = [];

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (ws) => peers.push(new Peer(ws)));
  await once(server, 'listening');
});
afterEach(() => {
  for (const conversation of conversations.splice(0)) conversation.close();
  for (const { ws } of peers.splice(0)) ws.terminate();
  server.close();
});

async function peer(nth: number): Promise<Peer> {
  await expect.poll(() => peers[nth], { timeout: 5000 }).toBeDefined();
  return peers[nth] ?? expect.unreachable();
}

/** Open, and in a session: what it was told, and how it does. */
async function converse({ grace = GRACE } = {}) {
  const { port } = server.address() as AddressInfo;
  const conversation = new Conversation(`http://127.0.0.1:${port}/ws`, () => 0);
  conversations.push(conversation);
  const events: Event[] = [];
  const interruptions: boolean[] = [];
  conversation.on('event', (event) => events.push(event));
  conversation.on('interrupted', (interrupted) => interruptions.push(interrupted));
  await conversation.connect();
  const first = await peer(peers.length - 1);
  const watched = conversation.request('watch', {
    stream: 'stage-2',
    rtpCapabilities: { codecs: [], headerExtensions: [] },
  });
  await first.answer('watch', { session: 'secret', grace, state: 'waiting' });
  await watched;
  const closed = new Promise<string>((resolve) => conversation.on('close', ({ code }) => resolve(code)));
  return { conversation, first, events, interruptions, closed };
}

const ended = (seq: number) => ({ type: 'ended', reason: 'stopped', waiting: true, seq });

describe('a lost connection', () => {
  test('is replaced, by the session secret and the number of the last event', async () => {
    const { conversation, first, events, interruptions } = await converse();
    first.send(ended(1));
    first.send(ended(2));
    await expect.poll(() => events.filter(({ type }) => type === 'ended')).toHaveLength(2);
    first.ws.terminate();
    const second = await peer(1);
    expect(await second.answer('resume', { viewers: 7 })).toMatchObject({ session: 'secret', seq: 2 });
    second.send(ended(2));
    second.send(ended(3));
    await expect.poll(() => events).toContainEqual(ended(3));
    // Each once, and how many watch, which is not numbered, as of now.
    expect(events.flatMap((event) => ('seq' in event ? event.seq : []))).toEqual([1, 2, 3]);
    await expect.poll(() => events).toContainEqual({ type: 'viewers', count: 7 });
    expect(interruptions).toEqual([true, false]);
    expect(conversation.closed).toBeUndefined();
  });

  test('what had no answer is asked again by the same id, in order, and what came up meanwhile after it', async () => {
    const { conversation, first } = await converse();
    const restart = conversation.request('restart_ice', {});
    const report = conversation.request('first_frame', { milliseconds: 159 });
    const asked = await first.request('first_frame');
    first.ws.terminate();
    await expect.poll(() => conversation.interrupted).toBe(true);
    const stop = conversation.request('stop', {});
    const second = await peer(1);
    await second.answer('resume', { viewers: 0 });
    await second.answer('restart_ice', { iceParameters: { usernameFragment: 'u', password: 'p' } });
    await second.answer('first_frame', {});
    await second.answer('stop', {});
    await Promise.all([restart, report, stop]);
    expect(second.requests.map(({ type }) => type)).toEqual(['resume', 'restart_ice', 'first_frame', 'stop']);
    expect(second.requests[2]?.id).toBe(asked.id);
    const ids = [...first.requests, ...second.requests].map(({ id }) => id);
    expect(new Set(ids).size).toBe(5);
  });

  test('is tried for again until the server is there', async () => {
    const { first, interruptions } = await converse();
    server.on('connection', (ws) => peers.length < 4 && ws.terminate());
    first.ws.terminate();
    await (await peer(3)).answer('resume', { viewers: 0 });
    await expect.poll(() => interruptions).toEqual([true, false]);
  });

  test('no such session any more: over, at once', async () => {
    const { conversation, first, closed } = await converse();
    first.ws.terminate();
    await (await peer(1)).refuse('resume', 'session_lost');
    expect(await closed).toBe('session_lost');
    await expect(conversation.request('stop', {})).rejects.toMatchObject({ code: 'session_lost' });
  });

  test('not back within the grace time: over, and what was asked is refused', async () => {
    const { conversation, first, closed } = await converse({ grace: 400 });
    server.on('connection', (ws) => ws.terminate());
    first.ws.terminate();
    await expect.poll(() => conversation.interrupted).toBe(true);
    const stop = conversation.request('stop', {});
    await expect(stop).rejects.toMatchObject({ code: 'connection_lost' });
    expect(await closed).toBe('connection_lost');
  });

  test('without a session it is over', async () => {
    const { port } = server.address() as AddressInfo;
    const conversation = new Conversation(`ws://127.0.0.1:${port}/ws`);
    conversations.push(conversation);
    await conversation.connect();
    const closed = new Promise((resolve) => conversation.on('close', resolve));
    (await peer(0)).ws.terminate();
    expect(await closed).toMatchObject({ code: 'connection_lost' });
  });

  test('a server that says it closes takes the session with it', async () => {
    const { first, closed } = await converse();
    first.send({
      type: 'closing',
      error: { code: 'server_closing', message: 'the server is shutting down' },
    });
    first.ws.close(1001);
    expect(await closed).toBe('server_closing');
  });
});

describe('a connection that is dead without having been closed', () => {
  test('is found out by a request without an answer, and not closed in order before the session goes on', async () => {
    const { conversation, first } = await converse();
    const restart = conversation.request('restart_ice', {}, 100);
    const second = await peer(1);
    await second.request('resume');
    expect(first.closeCode).toBeUndefined();
    await second.answer('resume', { viewers: 0 });
    await second.answer('restart_ice', { iceParameters: { usernameFragment: 'u', password: 'p' } });
    expect(await restart).toMatchObject({ iceParameters: { usernameFragment: 'u' } });
    await expect.poll(() => first.closeCode).toBeDefined();
  });

  test('a request that is never answered is given up after a few connections', async () => {
    const { conversation } = await converse();
    const request = conversation.request('first_frame', { milliseconds: 1 }, 50);
    const refused = expect(request).rejects.toMatchObject({ code: 'timeout' });
    for (const nth of [1, 2]) await (await peer(nth)).answer('resume', { viewers: 0 });
    await refused;
  });
});

test('closed in order: the server hears of it at once, and what follows is refused', async () => {
  const { conversation, first, closed } = await converse();
  conversation.close();
  expect(await closed).toBe('stopped');
  // No status: a closing handshake nevertheless (RFC 6455, section 7.4.1).
  await expect.poll(() => first.closeCode).toBe(1005);
  await expect(conversation.request('stop', {})).rejects.toMatchObject({ code: 'stopped' });
});

test('what is asked right before the end still goes out', async () => {
  const { conversation, first } = await converse();
  conversation.request('stop', {}).catch(() => {});
  conversation.close();
  await first.request('stop');
});
