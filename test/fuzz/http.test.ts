/** All routes against requests that are broken, and against JSON that means nothing. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { type GoodViewer, SMALL_HEAP, watchWell } from '../helpers/good-viewer.ts';
import { mutate, type Random, seeded, seedOfRun } from '../helpers/mutate.ts';
import { httpRequest, routes } from '../helpers/mutate-http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const RAW = 10_000;
const JSON_BODIES = 5_000;
const AT_ONCE = 32;
const WARM = 3_000;
/** A request that promised more than came is waited for by the server; here somebody hangs up, in ms. */
const HALF_CLOSED = 100;
const PATIENCE = 1_000;

let server: TestServer;
let good: GoodViewer;
let random: Random;

beforeAll(async () => {
  random = seeded(seedOfRun());
  server = await startServer({
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
    NODE_OPTIONS: SMALL_HEAP,
    PHAROS_LIMITS_JOINS_PER_ADDRESS: 1_000_000,
  });
  good = await watchWell(server);
});

afterAll(async () => {
  await good?.stop();
  await server?.stop();
});

test(`${RAW} broken requests over all routes: each answered or cut off, never by a fault of the server's`, {
  timeout: 180_000,
}, async () => {
  const paths = routes();
  for (const path of ['/api/cameras', '/whip/:stream', '/readyz', '/metrics', '/watch']) {
    expect(paths.some((each) => each.startsWith(path))).toBe(true);
  }
  const counts = new Map<string, number>();
  await good.unharmed('HTTP', (warm) =>
    lanes(RAW, warm, async () => {
      for (const status of await statuses(httpRequest(paths, random, ADMIN_KEY))) {
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    }),
  );
  console.info(`${paths.length} routes`, Object.fromEntries([...counts].sort()));
  for (const status of ['200', '400', '401', '404'])
    expect(counts.get(status) ?? 0, status).toBeGreaterThan(20);
  // 501: no such transfer coding; 503: too much at once, or not live; 505: no such version.
  const faults = [...counts.keys()].filter((status) => /^5/.test(status) && !/^50[135]$/.test(status));
  expect(faults).toEqual([]);
});

test(`${JSON_BODIES} JSON bodies to every route of the API, with the admin key`, {
  timeout: 180_000,
}, async () => {
  const paths = routes().filter((path) => path.startsWith('/api/'));
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const corpus = [
    { stream: 'cam', url: 'rtsp://127.0.0.1:1/x', onDemand: true, transport: 'tcp', transcode: 'never' },
    { stream: 'other', reason: 'kicked', id: 'x', jti: 'a-token', subject: 'somebody', sub: 'x' },
    {},
  ];
  const counts = new Map<string, number>();
  await good.unharmed('JSON', (warm) =>
    lanes(JSON_BODIES, warm, async () => {
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
      const method = pick(['POST', 'POST', 'PUT', 'PATCH', 'DELETE']);
      const path = pick(paths).replaceAll(/:\w+/g, () => pick(['nobody', 'x', '2026-11-21T00-00-00-000Z']));
      const status = await ask(agent, method, path, mutate(pick(corpus), random));
      counts.set(`${method} ${status}`, (counts.get(`${method} ${status}`) ?? 0) + 1);
    }),
  );
  agent.destroy();
  console.info(`${paths.length} routes`, Object.fromEntries([...counts].sort()));
  for (const name of counts.keys()) expect(Number(name.slice(-3)), name).not.toBe(500);
  expect(counts.get('POST 400') ?? 0).toBeGreaterThan(100);
});

async function lanes(count: number, warm: () => void, one: () => Promise<void>): Promise<void> {
  let done = 0;
  const lane = async () => {
    while (done < count) {
      done += 1;
      if (done === WARM) warm();
      await one();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** Of all answers to these octets; `none` where the server just closed. */
async function statuses(octets: Buffer): Promise<string[]> {
  const socket = connect(server.port, '127.0.0.1');
  let text = '';
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    if (text.length < 65_536) text += chunk;
  });
  const timer = setTimeout(() => socket.destroy(), PATIENCE);
  const closed = once(socket, 'close').catch(() => undefined);
  const half = setTimeout(() => socket.end(), HALF_CLOSED);
  socket.write(octets);
  await closed;
  clearTimeout(half);
  clearTimeout(timer);
  const found = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status = '']) => status);
  return found.length > 0 ? found : ['none'];
}

function ask(agent: Agent, method: string, path: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      Authorization: `Bearer ${ADMIN_KEY}`,
    };
    request(server.url + path, { method, agent, headers })
      .on('error', reject)
      .on('response', (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      })
      .end(body);
  });
}
