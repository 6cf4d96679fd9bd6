/** Paths, headers, ranges and origins by which somebody might get at what is not meant for him. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import * as z from 'zod';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { publishMedia } from '../helpers/live.ts';
import { residentMegabytes } from '../helpers/process.ts';
import { removeFolder, temporaryFolder } from '../helpers/recordings.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/** Who has not answered by then waits for more. */
const SILENCE_MS = 2000;

const data = temporaryFolder();
let server: TestServer;
/** Of a recording: `/api/recordings/<stream>/<start>/files/`, a file's name, and what signs it. */
let folder = '';
let file = '';
let grant = '';
/** What no answer may hold: of files outside of what is served. */
let secrets: string[] = [];

const listed = z.object({
  recordings: z.array(
    z.object({ state: z.string(), parts: z.array(z.object({ url: z.nullable(z.string()) })) }),
  ),
});

beforeAll(async () => {
  server = await startServer({
    PHAROS_DATA_DIRECTORY: data,
    PHAROS_AUTH_PUBLISH: 'open',
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
    PHAROS_RECORDINGS_RECORD: '[{ streams: "lecture", record: always }]',
  });
  const publisher = await publishMedia(server.url, 'lecture', 'vp8');
  await server.record('recording started');
  const running = async () => {
    const response = await fetch(`${server.url}/api/streams/lecture/recording`, {
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    });
    return z.object({ recording: z.object({ bytes: z.number() }) }).parse(await response.json()).recording
      .bytes;
  };
  while ((await running()) < 100_000) await delay(200);
  await publisher.stop();
  await server.record('recording finished');
  const response = await fetch(`${server.url}/api/recordings`, {
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
  });
  const { recordings } = listed.parse(await response.json());
  const url = recordings[0]?.parts[0]?.url ?? '';
  [, folder = '', file = '', grant = ''] = /^(.*\/files\/)([^?]+)(\?.*)$/.exec(url) ?? [];
  expect((await fetch(server.url + folder + file + grant)).status).toBe(200);
  secrets = [
    'root:x:0:0',
    '"name": "pharos"',
    ...readdirSync(data)
      .filter((name) => name.endsWith('-key') || name.endsWith('-secret'))
      .map((name) => readFileSync(join(data, name), 'utf8').trim()),
  ];
});

afterAll(async () => {
  await server?.stop();
  removeFolder(data);
});

/** Sends these very bytes; resolves with all that comes until the connection is closed, or is silent for a while. */
async function raw(text: string): Promise<string> {
  const socket = connect({ port: server.port, host: '127.0.0.1' }).setEncoding('latin1');
  socket.on('error', () => {});
  socket.setTimeout(SILENCE_MS, () => socket.destroy());
  socket.write(text, 'latin1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

const get = (target: string, headers = '', host = `127.0.0.1:${server.port}`) =>
  raw(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`);

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

function expectNothing(target: string, answer: string): void {
  for (const secret of secrets) expect(answer.includes(secret), `${target} gave away a file`).toBe(false);
  expect(statusOf(answer), target).not.toBe(500);
}

/** Ways to write "one folder up" and what follows. */
const UPS = [
  '../',
  '..%2f',
  '..%2F',
  '%2e%2e/',
  '%2e%2e%2f',
  '..%5c',
  '..\\',
  '%252e%252e%252f',
  '..%252f',
  '%c0%ae%c0%ae/',
  '%c0%ae%c0%ae%c0%af',
  '%e0%80%ae%e0%80%ae/',
  '..%c0%af',
  '..%u2215',
  '....//',
  '.%00./',
  '..;/',
  '%uff0e%uff0e/',
  './../',
  '//../',
];
const AIMS = ['etc/passwd', 'package.json', 'admin-key', 'publish-key', 'config/pharos.yaml', 'jwt-secret'];

describe('paths', () => {
  test('no way of writing "up" leads out of the pages or the recordings', async () => {
    let tried = 0;
    const statuses = new Map<number, number>();
    for (const up of UPS) {
      for (const aim of AIMS) {
        for (const depth of [1, 3, 8]) {
          const way = up.repeat(depth) + aim;
          const targets = [
            `/${way}`,
            `/assets/${way}`,
            `/watch/${way}`,
            `${folder}${way}${grant}`,
            `${folder}${file}/${way}${grant}`,
            folder.replace('lecture', encodeURIComponent(up.repeat(depth))) + file + grant,
            folder.replace('lecture', up.repeat(depth)) + aim + grant,
          ];
          const answers = await Promise.all(targets.map((target) => get(target)));
          for (const [index, answer] of answers.entries()) {
            expectNothing(targets[index] ?? '', answer);
            const status = statusOf(answer);
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
          }
          tried += targets.length;
        }
      }
    }
    console.info(`${tried} paths, by status: ${JSON.stringify(Object.fromEntries(statuses))}`);
    expect(statuses.get(500)).toBeUndefined();
  });

  const odd = [
    '/etc/passwd',
    '//etc/passwd',
    'file:///etc/passwd',
    '/assets//etc/passwd',
    '/assets/%2fetc%2fpasswd',
    '/%00',
    '/assets/x%00.js',
    '/index.html%00.png',
    `/${'a/'.repeat(4000)}`,
    `/${'%2e'.repeat(4000)}`,
    '/.git/config',
    '/.env',
    '/%zz',
    '/%',
    '/watch/%ff%fe',
    '*',
  ];
  test.each(odd.map((target) => [target.slice(0, 40), target]))('%s', async (_name, target) => {
    expectNothing(target, await get(target));
    const inRecordings = `${folder}${target}${grant}`;
    const answer = await get(inRecordings);
    expectNothing(inRecordings, answer);
    expect(statusOf(answer)).not.toBe(200);
  });

  test('a null byte, a line break or nothing in the request line', async () => {
    for (const target of ['/\0', '/a\0b', '/a b', '', '/\x7f', '/\xff'])
      expect([0, 400, 404, 200]).toContain(statusOf(await get(target)));
  });

  test("the address of one file is no grant for another, nor for another's recording", async () => {
    const others = [
      `${folder}${file}.json${grant}`,
      `${folder}${file.replace(/\.\w+$/, '.json')}${grant}`,
      `${folder}${file.replace(/\.\w+$/, '.jpg')}${grant}`,
      `${folder.replace('lecture', 'other')}${file}${grant}`,
      `${folder}${file}${grant.replace(/until=\d/, 'until=9')}`,
      `${folder}${file}${grant}&grant=x`,
      `${folder}${file}?grant[]=x&until[]=9`,
      `${folder}${file}`,
    ];
    for (const target of others) expect([401, 404], target).toContain(statusOf(await get(target)));
  });
});

describe('headers', () => {
  test('ranges without number cost nothing, and give no more than the file', async () => {
    const bytes = Number(
      /content-length: (\d+)/i.exec(
        await raw(`HEAD ${folder}${file}${grant} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
      )?.[1],
    );
    expect(bytes).toBeGreaterThan(1000);
    const memory = residentMegabytes(server.process.pid);
    const bombs = [
      Array.from({ length: 1200 }, (_, index) => `${index}-`).join(),
      Array.from({ length: 1200 }, () => '0-').join(),
      Array.from({ length: 1200 }, () => '0-0').join(),
      '-99999999999999999999',
      '99999999999999999999-',
      '5-2',
      'a-b',
      '-',
      '0-0,-1,'.repeat(500),
    ];
    for (const ranges of bombs) {
      const answer = await get(`${folder}${file}${grant}`, `Range: bytes=${ranges}\r\n`);
      expect([200, 206, 416], ranges.slice(0, 40)).toContain(statusOf(answer));
      expect(answer.length).toBeLessThan(bytes + 2000);
    }
    const all = await Promise.all(
      Array.from({ length: 200 }, () => get(`${folder}${file}${grant}`, `Range: bytes=${bombs[0]}\r\n`)),
    );
    expect(all.every((answer) => answer.length < bytes + 2000)).toBe(true);
    console.info(
      `ranges: server and workers ${memory} MB before, ${residentMegabytes(server.process.pid)} MB after`,
    );
  });

  test('a false Host stands in no answer, and opens nothing', async () => {
    for (const host of [
      'evil.example',
      'localhost@evil.example',
      "x; script-src 'unsafe-inline'",
      'a\tb',
      '',
      '../..',
    ]) {
      for (const target of ['/', '/watch/x', '/healthz', '/api/recordings', 'http://evil.example/']) {
        const answer = await get(target, '', host);
        const [head = '', body = ''] = answer.split('\r\n\r\n');
        expect([200, 400, 401, 404, 503], `${host} ${target}`).toContain(statusOf(answer));
        expect(body).not.toContain('evil');
        expect(head).not.toMatch(/^location:/im);
        expect(head).not.toContain('unsafe-inline');
      }
    }
  });

  test('two answers to one request are not had: lengths that contradict each other are refused', async () => {
    const request = (headers: string, body: string) =>
      `POST /api/revoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n${body}`;
    const smuggled = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    for (const [headers, body] of [
      ['Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`],
      ['Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${smuggled}`],
      ['Content-Length: 2\r\nContent-Length: 90\r\n', `{}${smuggled}`],
      ['Transfer-Encoding: xchunked\r\n', smuggled],
      ['Content-Length: -1\r\n', smuggled],
      ['Transfer-Encoding : chunked\r\n', `0\r\n\r\n${smuggled}`],
    ] as const) {
      const answer = await raw(request(headers, body));
      expect(answer.match(/^HTTP\/1\.1 /gm)?.length ?? 0, headers).toBeLessThanOrEqual(1);
      expect(answer).not.toContain('"status":"ok"');
    }
  });

  test('nobody becomes local, or somebody else, by saying so', async () => {
    const local = await startServer();
    try {
      for (const [name, value] of Object.entries({
        'X-Forwarded-For': '127.0.0.1',
        'X-Real-IP': '127.0.0.1',
        Forwarded: 'for=127.0.0.1',
        'X-Forwarded-Host': 'localhost',
        Origin: 'http://evil.example',
      })) {
        const headers = { 'Content-Type': 'application/sdp', Host: 'localhost', [name]: value };
        const response = await fetch(`${local.url}/whip/mine`, { method: 'POST', headers, body: 'v=0' });
        expect([400, 401], name).toContain(response.status);
        if (name !== 'X-Real-IP') expect(response.status, name).toBe(401);
      }
    } finally {
      await local.stop();
    }
  });
});

test('a WebSocket opened by a foreign page is refused, however the page writes its origin', async () => {
  const answer = async (origin: string) => {
    const ws = new WebSocket(server.wsUrl, { headers: { Origin: origin } }).on('error', () => {});
    const status = await Promise.race([
      once(ws, 'unexpected-response').then(([, { statusCode }]) => statusCode),
      once(ws, 'open').then(() => 101),
    ]);
    ws.terminate();
    return status;
  };
  expect(await answer(server.url)).toBe(101);
  for (const origin of [
    'http://evil.example',
    'null',
    '',
    'file://',
    `http://127.0.0.1:${server.port}.evil.example`,
    `http://127.0.0.1.evil.example:${server.port}`,
    `http://evil.example/127.0.0.1:${server.port}`,
    `http://evil.example#127.0.0.1:${server.port}`,
    `http://evil.example?127.0.0.1:${server.port}`,
    `http://127.0.0.1:${server.port + 1}`,
    `http://127.0.0.1`,
    `http://localhost:${server.port}`,
    `http://127.0.0.1:${server.port}, http://evil.example`,
  ]) {
    expect(await answer(origin), origin).toBe(403);
  }
});
