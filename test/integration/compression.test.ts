/** Pages, scripts and styles as they are sent to who takes them compressed, and to who does not. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import express from 'express';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { compressAll } from '../../scripts/setup/compress.mjs';
import { fixedJson } from '../../server/http/precompressed.ts';
import { closeAllHttp, startHttp } from '../helpers/http.ts';

const pagesDir = mkdtempSync(join(tmpdir(), 'pharos-compression-'));
afterAll(() => rmSync(pagesDir, { recursive: true }));
afterEach(closeAllHttp);

const PAGE = `<!doctype html>${'<p>one paragraph as the other'.repeat(50)}`;
const SCRIPT = 'export const same = "as before";\n'.repeat(200);
const SMALL = 'export {};';
const TEXTS: Record<string, string> = {
  'index.html': PAGE,
  'watch/index.html': PAGE,
  'embed/index.html': PAGE,
  'pharos-player.js': SCRIPT,
  'favicon.svg': `<svg xmlns="http://www.w3.org/2000/svg">${'<g/>'.repeat(300)}</svg>`,
  'assets/main-abc123.js': SCRIPT,
  'assets/main-def456.css': 'p { color: red }\n'.repeat(200),
  'assets/small-abc123.js': SMALL,
  'assets/picture-abc123.png': SCRIPT,
  '.vite/manifest.json': SCRIPT,
};

beforeAll(() => {
  for (const [name, text] of Object.entries(TEXTS)) {
    mkdirSync(join(pagesDir, name, '..'), { recursive: true });
    writeFileSync(join(pagesDir, name), text);
  }
  compressAll(pagesDir);
});

type Asked = { method?: 'GET' | 'HEAD'; headers?: Record<string, string> };
type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer };

async function ask(path: string, asked?: Asked): Promise<Answer> {
  const { url } = await startHttp({ pagesDir });
  return askOf(url, path, asked);
}

async function askOf(
  url: string,
  path: string,
  { method = 'GET', headers = {} }: Asked = {},
): Promise<Answer> {
  // The policy names the host.
  const all = { host: 'pharos.test', ...headers };
  const outgoing = request(`${url}/`, { path, method, headers: all, agent: false }).end();
  const [response]: IncomingMessage[] = await once(outgoing, 'response');
  if (!response) throw new Error('no response');
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

const taking = (coding: string): Asked => ({ headers: { 'accept-encoding': coding } });

const BROWSER = 'gzip, deflate, br, zstd';
const decode: Record<string, (body: Buffer) => Buffer> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
  identity: (body) => body,
};
const KEPT = 'public, max-age=31536000, immutable';

describe('what is sent', () => {
  test.each([
    ['/', 'index.html', 'text/html; charset=utf-8', 'no-cache'],
    ['/watch/some-stream', 'watch/index.html', 'text/html; charset=utf-8', 'no-cache'],
    ['/watch/%zz?q=.gz', 'watch/index.html', 'text/html; charset=utf-8', 'no-cache'],
    ['/embed/some-stream?muted=1', 'embed/index.html', 'text/html; charset=utf-8', 'no-cache'],
    ['/pharos-player.js', 'pharos-player.js', 'text/javascript; charset=utf-8', 'no-cache'],
    ['/favicon.svg', 'favicon.svg', 'image/svg+xml', 'no-cache'],
    ['/assets/main-abc123.js', 'assets/main-abc123.js', 'text/javascript; charset=utf-8', KEPT],
    ['/assets/main-def456.css?v=1', 'assets/main-def456.css', 'text/css; charset=utf-8', KEPT],
  ])('%s: each form holds the same', async (path, name, type, cacheControl) => {
    const etags = new Set<string | undefined>();
    for (const [asked, coding] of [
      [BROWSER, 'br'],
      ['gzip', 'gzip'],
      ['identity', 'identity'],
    ] as const) {
      const { status, headers, body } = await ask(path, taking(asked));
      expect(status).toBe(200);
      expect(headers['content-encoding']).toBe(coding === 'identity' ? undefined : coding);
      expect(headers).toMatchObject({
        'content-type': type,
        'cache-control': cacheControl,
        vary: 'Accept-Encoding',
        'content-length': String(body.length),
      });
      expect(decode[coding]?.(body).toString()).toBe(TEXTS[name]);
      expect(body.length < (TEXTS[name]?.length ?? 0)).toBe(coding !== 'identity');
      etags.add(headers.etag);
    }
    expect(etags.size).toBe(3);
  });

  test.each([
    [undefined, undefined],
    ['br;q=0.2, gzip', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['*;q=0', undefined],
    ['identity;q=0', undefined],
    ['identity;q=0, br', 'br'],
  ])('to who says Accept-Encoding: %s it goes as %s', async (asked, coding) => {
    const { status, headers } = await ask('/', asked === undefined ? {} : taking(asked));
    expect({ status, coding: headers['content-encoding'] }).toEqual({ status: 200, coding });
  });

  test('what is small, or no text, has one form', async () => {
    for (const path of ['/assets/small-abc123.js', '/assets/picture-abc123.png']) {
      const { status, headers } = await ask(path, taking(BROWSER));
      expect({ status, coding: headers['content-encoding'] }).toEqual({ status: 200, coding: undefined });
    }
    expect(readdirSync(join(pagesDir, '.vite'))).toEqual(['manifest.json']);
  });

  test('of what is compressed, the rest of its headers stays', async () => {
    const { headers } = await ask('/pharos-player.js', taking('br'));
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    });
  });
});

describe('requests about it', () => {
  test('HEAD tells what GET would send', async () => {
    const whole = await ask('/assets/main-abc123.js', taking('br'));
    const head = await ask('/assets/main-abc123.js', { ...taking('br'), method: 'HEAD' });
    expect(head.body).toHaveLength(0);
    const { date: _, ...headers } = head.headers;
    expect(whole.headers).toMatchObject(headers);
    expect(head.headers['content-length']).toBe(String(whole.body.length));
  });

  test('who has this form is told so; who has another gets this one', async () => {
    const { headers } = await ask('/', taking('br'));
    const again = (coding: string) =>
      ask('/', { headers: { 'accept-encoding': coding, 'if-none-match': String(headers.etag) } });
    const same = await again('br');
    expect(same).toMatchObject({ status: 304, headers: { vary: 'Accept-Encoding', etag: headers.etag } });
    expect(same.headers).not.toHaveProperty('content-encoding');
    expect((await again('gzip')).status).toBe(200);
    expect((await again('identity')).status).toBe(200);
  });

  test('a range is one of the form that is sent', async () => {
    const whole = await ask('/assets/main-abc123.js', taking('gzip'));
    const half = Math.floor(whole.body.length / 2);
    const range = (from: number, to: number | '') =>
      ask('/assets/main-abc123.js', {
        headers: { 'accept-encoding': 'gzip', range: `bytes=${from}-${to}` },
      });
    const parts = [await range(0, half - 1), await range(half, '')];
    for (const { status, headers } of parts) {
      expect({ status, coding: headers['content-encoding'] }).toEqual({ status: 206, coding: 'gzip' });
    }
    expect(parts[1]?.headers['content-range']).toBe(
      `bytes ${half}-${whole.body.length - 1}/${whole.body.length}`,
    );
    const joined = Buffer.concat(parts.map(({ body }) => body));
    expect(gunzipSync(joined).toString()).toBe(SCRIPT);
  });

  test('a range that there is none of is refused in words that can be read', async () => {
    const { status, headers, body } = await ask('/assets/main-abc123.js', {
      headers: { 'accept-encoding': 'br', range: 'bytes=999999-', accept: 'text/html' },
    });
    expect(status).toBe(416);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
    });
    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers).not.toHaveProperty('last-modified');
    expect(body.toString()).toContain('Range Not Satisfiable');
  });

  test.each(['/assets/', '/assets', '/.vite/manifest.json', '/assets/none.js', '/..%2fpackage.json', '/%00'])(
    '%s is not there in any form',
    async (path) => {
      const { status, headers } = await ask(path, taking(BROWSER));
      expect([400, 403, 404]).toContain(status);
      expect(headers).not.toHaveProperty('content-encoding');
    },
  );
});

test('a document that stays as it is, such as that of the REST API', async () => {
  const value = { all: Array.from({ length: 100 }, (_, index) => ({ index, text: 'the same' })) };
  const app = express().get('/document', fixedJson(value));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  const etags = new Set<string | undefined>();
  for (const [coding, given] of [
    ['br', 'br'],
    ['gzip', 'gzip'],
    ['identity', undefined],
  ] as const) {
    const { headers, body } = await askOf(url, '/document', taking(coding));
    expect(headers['content-encoding']).toBe(given);
    expect(headers).toMatchObject({
      vary: 'Accept-Encoding',
      'content-type': 'application/json; charset=utf-8',
    });
    expect(JSON.parse(String(decode[coding]?.(body)))).toEqual(value);
    const etag = String(headers.etag);
    etags.add(etag);
    const again = await askOf(url, '/document', {
      headers: { 'accept-encoding': coding, 'if-none-match': etag },
    });
    expect(again.status).toBe(304);
  }
  expect(etags.size).toBe(3);
  server.close();
});
