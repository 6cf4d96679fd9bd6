/** A client that stops reading, on a bare TCP connection, as no WebSocket library lets one be. */
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { capabilities, publish, type TestClient, watch } from '../helpers/client.ts';
import { scrape } from '../helpers/metrics.ts';
import { frame, gone, OPCODE, rawSocket } from '../helpers/raw-socket.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const MB = 1e6;

let server: TestServer;
afterEach(() => server?.stop());

/** Opens a WebSocket and reads nothing from it. */
const deaf = async (port: number) => (await rawSocket(port)).pause();

/** The answer to this has about its size. */
const ECHOED = frame(OPCODE.text, JSON.stringify({ id: 1, type: 'stop', ['x'.repeat(8000)]: 1 }));

/** Has the server answer with so many bytes; the first few megabytes are the kernel's. */
async function ask(socket: Socket, bytes: number): Promise<void> {
  for (let asked = 0; asked < bytes && socket.writable; asked += 8 * ECHOED.length) {
    // Few at once: a client with many requests unanswered is flooding.
    for (let index = 0; index < 8; index++) socket.write(ECHOED);
    await delay(2);
  }
}

const value = async (name: string) => (await scrape(server.url)).value(name) ?? Number.NaN;

async function start(sendBuffer: number): Promise<void> {
  server = await startServer({
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
    PHAROS_LIMITS_SEND_BUFFER: sendBuffer,
    PHAROS_LIMITS_MESSAGES_PER_SECOND: 10_000,
    PHAROS_LIMITS_HEARTBEAT: 3,
    PHAROS_LIMITS_IDLE_TIME: 300,
    PHAROS_LIMITS_SESSION_GRACE: 0,
  });
}

test('a viewer that stops reading is spared the viewer counts, then closed; others go on getting them', async () => {
  await start(20 * MB);
  await publish(server.wsUrl, { stream: 'lecture' });
  const { client: other } = await watch(server.wsUrl, 'lecture');
  const slow = await deaf(server.port);
  const rtpCapabilities = await capabilities(other);
  slow.write(
    frame(OPCODE.text, JSON.stringify({ id: 1, type: 'watch', stream: 'lecture', rtpCapabilities })),
  );
  await expect.poll(() => value('pharos_viewers')).toBe(2);
  const memory = await value('process_resident_memory_bytes');
  // It may well say that it is there.
  const pongs = setInterval(() => slow.write(frame(OPCODE.pong, '')), 500);
  await ask(slow, 14 * MB);
  const closed = gone(slow);
  try {
    const countsOf = (client: TestClient) =>
      client.received.filter((message) => JSON.stringify(message).includes('"type":"viewers"')).length;
    const before = countsOf(other);
    // Others come and go: there is something to tell every second.
    while ((await value('pharos_websocket_slow_closed_total')) === 0) {
      const { client } = await watch(server.wsUrl, 'lecture');
      await delay(1100);
      await client.close();
      await delay(1100);
    }
    const dropped = await value('pharos_websocket_events_dropped_total');
    const told = countsOf(other) - before;
    console.info(`${told} counts to the other viewer, ${dropped} of them not to the slow one`);
    expect(dropped).toBeGreaterThan(0);
    expect(told).toBeGreaterThanOrEqual(dropped);
    await closed;
    expect(await value('process_resident_memory_bytes')).toBeLessThan(memory + 100 * MB);
    await expect.poll(() => value('pharos_viewers')).toBe(1);
  } finally {
    clearInterval(pongs);
  }
});

test('one that has yet more sent to it is closed at once', async () => {
  await start(1 * MB);
  const memory = await value('process_resident_memory_bytes');
  const slow = await deaf(server.port);
  const closed = gone(slow);
  await ask(slow, 50 * MB);
  await closed;
  expect(await value('pharos_websocket_slow_closed_total')).toBe(1);
  await expect.poll(() => value('pharos_websockets')).toBe(0);
  expect(await value('process_resident_memory_bytes')).toBeLessThan(memory + 50 * MB);
});
