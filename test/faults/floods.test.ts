/** Clients that send nothing, too much, too slowly or too cleverly: refused, and nobody else feels it. */
import { connect, type Socket } from 'node:net';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { type GoodViewer, watchWell } from '../helpers/good-viewer.ts';
import { scrape } from '../helpers/metrics.ts';
import { closeCode, frame, gone, head, OPCODE, rawSocket } from '../helpers/raw-socket.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const SILENT = 2000;
const UNFINISHED = 500;
const SLOW = 8;
const BATCH = 100;
const REPEAT_MS = 2000;
const FRAGMENTS = 131_000;
const MB = 1e6;
/** Made before anybody watches: that takes this process, which watches too, a while. */
const DEFLATED = deflateRawSync(Buffer.alloc(100 * MB));
const GZIPPED = gzipSync(Buffer.alloc(100 * MB, ' '));

let server: TestServer;
let good: GoodViewer;

beforeAll(async () => {
  server = await startServer({
    // What is young in V8's heap may otherwise take up to 100 MB before it is looked at.
    NODE_OPTIONS: '--max-semi-space-size=2',
    PHAROS_MEDIA_WORKERS: 1,
    PHAROS_AUTH_PUBLISH: 'open',
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
    PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS: SILENT + 100,
    PHAROS_LIMITS_HTTP_CONNECTIONS_PER_ADDRESS: SILENT + 100,
    PHAROS_LIMITS_IDLE_TIME: 5,
    PHAROS_LIMITS_MESSAGES_PER_SECOND: 10_000,
  });
  good = await watchWell(server);
});

afterAll(async () => {
  await good?.stop();
  await server?.stop();
});

const refused = async (code: string) =>
  (await scrape(server.url)).value('pharos_refusals_total', { code }) ?? 0;

/** Again and again for a while, so that there is something to feel; returns how often. */
async function repeated(attack: () => Promise<void>): Promise<number> {
  const until = performance.now() + REPEAT_MS;
  let times = 0;
  for (; times === 0 || performance.now() < until; times++) await attack();
  return times;
}

async function inBatches(count: number, open: () => Promise<Socket>): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: BATCH }, open))));
  return sockets;
}

test(`${SILENT} WebSockets that send nothing are closed, each after limits.idleTime`, async () => {
  const attack = async () => {
    const before = await refused('idle');
    const begun = performance.now();
    const sockets = await inBatches(SILENT, async () => (await rawSocket(server.port)).resume());
    const opened = performance.now() - begun;
    await expect.poll(() => refused('idle'), { timeout: 60_000 }).toBe(before + SILENT);
    await Promise.all(sockets.map(gone));
    const ms = performance.now() - begun;
    console.info(`${SILENT} opened in ${Math.round(opened)} ms, gone after ${Math.round(ms)} ms`);
    await expect.poll(async () => (await scrape(server.url)).value('pharos_websockets')).toBe(0);
  };
  await good.unharmed('silent WebSockets', async (warm) => {
    await attack();
    warm();
    await attack();
  });
});

test(`${UNFINISHED} requests that are never finished are cut off`, async () => {
  await good.unharmed('unfinished requests', async () => {
    const sockets = await inBatches(UNFINISHED, async () => {
      const socket = connect({ port: server.port, host: '127.0.0.1' }).on('error', () => {});
      socket.resume().write('GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n');
      return socket;
    });
    // The time for headers is 10 s, looked at every 2 s.
    await Promise.all(sockets.map(gone));
  });
});

test('clients that ask much and read nothing are cut off, and cost no more than limits.sendBuffer each', async () => {
  // The answer to this has about its size.
  const echoed = frame(OPCODE.text, JSON.stringify({ id: 1, type: 'stop', ['x'.repeat(8000)]: 1 }));
  const attack = async () => {
    const sockets = await Promise.all(Array.from({ length: SLOW }, () => rawSocket(server.port)));
    await Promise.all(
      sockets.map(async (socket) => {
        socket.pause();
        for (let asked = 0; asked < 40 * MB && socket.writable; asked += 8 * echoed.length) {
          for (let index = 0; index < 8; index++) socket.write(echoed);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await gone(socket);
      }),
    );
  };
  await good.unharmed('slow readers', async (warm) => {
    for (let round = 0; round < 3; round++) await attack();
    warm();
    await attack();
    const { value } = await scrape(server.url);
    expect(value('pharos_websocket_slow_closed_total')).toBe(4 * SLOW);
    await expect.poll(async () => (await scrape(server.url)).value('pharos_websockets')).toBe(0);
  });
});

test(`a message of ${FRAGMENTS} fragments ends with its 65th`, async () => {
  const fragments = Buffer.concat(Array.from({ length: 1000 }, () => frame(OPCODE.continuation, 'x', 0)));
  const attack = async () => {
    const socket = await rawSocket(server.port);
    const code = closeCode(socket);
    socket.write(frame(OPCODE.text, '"', 0));
    for (let sent = 0; sent < FRAGMENTS && socket.writable; sent += 1000) {
      if (!socket.write(fragments))
        await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
    }
    // Where it was reset the code is lost with what had not been read.
    expect([1008, undefined]).toContain(await code);
  };
  await good.unharmed('fragments', async () => {
    const before = await refused('too_many_requests');
    const times = await repeated(attack);
    expect(await refused('too_many_requests')).toBe(before + times);
  });
});

test('empty fragments without end likewise', async () => {
  const fragments = Buffer.concat(Array.from({ length: 1000 }, () => frame(OPCODE.continuation, '', 0)));
  const attack = async () => {
    const socket = await rawSocket(server.port);
    const ended = gone(socket);
    socket.resume();
    socket.write(frame(OPCODE.text, '', 0));
    socket.write(fragments);
    await ended;
  };
  await good.unharmed('empty fragments', async () => {
    const before = await refused('too_many_requests');
    const times = await repeated(attack);
    expect(await refused('too_many_requests')).toBe(before + times);
  });
});

test('compression is not negotiated, and a compressed frame ends the connection', async () => {
  const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n';
  const attack = async () => {
    const polite = await rawSocket(server.port, offer);
    const code = closeCode(polite);
    expect(await head(polite)).not.toMatch(/sec-websocket-extensions/i);
    polite.write(frame(OPCODE.text, DEFLATED.subarray(0, 60_000), 0xc0));
    // Reserved bits without an extension: a protocol error (RFC 6455, section 5.2).
    expect([1002, undefined]).toContain(await code);
  };
  await good.unharmed('compression', async () => {
    const before = await refused('bad_request');
    const times = await repeated(attack);
    expect(await refused('bad_request')).toBe(before + times);
  });
});

test('a request whose body unpacks to more than it may be is refused as it unpacks', async () => {
  const attack = async () => {
    for (const [path, type] of [
      ['/api/cameras', 'application/json'],
      ['/whip/bomb', 'application/sdp'],
    ] as const) {
      const headers = {
        'Content-Type': type,
        'Content-Encoding': 'gzip',
        Authorization: `Bearer ${ADMIN_KEY}`,
      };
      const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: GZIPPED });
      expect(response.status, path).toBe(413);
      await response.text();
    }
  };
  await good.unharmed('gzip', () => repeated(attack));
});
