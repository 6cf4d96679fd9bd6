import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PharosError } from '../../server/base/errors.ts';
import type { Readiness } from '../../server/http/api.ts';
import { closeAllHttp, get, type HttpSettings, logged, startHttp } from '../helpers/http.ts';

const directory = mkdtempSync(join(tmpdir(), 'pharos-http-'));
const pagesDir = join(directory, 'web');
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(closeAllHttp);

const start = (settings: HttpSettings = {}) => startHttp({ pagesDir, ...settings });

function writePage(path: string, text: string): void {
  mkdirSync(join(pagesDir, path, '..'), { recursive: true });
  writeFileSync(join(pagesDir, path), text);
}

beforeAll(() => {
  writePage('index.html', '<p>start page');
  writePage('publish/index.html', '<p>publish page');
  writePage('watch/index.html', '<p>watch page');
  writePage('embed/index.html', '<p>embed page');
  writePage('pharos-player.js', 'export {};');
  writePage('assets/main-abc123.js', 'export {};');
  writePage('favicon.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(directory, 'secret.txt'), 'secret');
});

describe('headers', () => {
  test('the policy lets the pages do what they need and nothing else', async () => {
    const { url } = await start();
    const { headers } = await get(url, '/', { host: 'live.example.org:3000' });
    const policy = String(headers['content-security-policy']).split(';');
    expect(policy).toEqual([
      "default-src 'self'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data: blob:",
      "media-src 'self' blob:",
      "connect-src 'self' ws://live.example.org:3000 wss://live.example.org:3000",
      "worker-src 'self' blob:",
      "object-src 'none'",
      "base-uri 'none'",
      "frame-ancestors 'self'",
      "form-action 'self'",
    ]);
    expect(headers['permissions-policy']).toContain(
      'camera=(self), microphone=(self), display-capture=(self)',
    );
    expect(headers['permissions-policy']).toContain('fullscreen=(self), picture-in-picture=(self)');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-frame-options']).toBe('SAMEORIGIN');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers).not.toHaveProperty('x-powered-by');
  });

  test.each(["evil.org; script-src 'unsafe-inline'", 'a b', 'x'.repeat(300), 'a,b'])(
    'a Host that is none (%s) does not get into the policy',
    async (host) => {
      const { url } = await start();
      const { headers } = await get(url, '/', { host });
      expect(headers['content-security-policy']).toContain("connect-src 'self' 'self';");
    },
  );

  test('errors have them too', async () => {
    const { url } = await start({
      ready: () => {
        throw new Error('fault');
      },
    });
    for (const path of ['/nothing', '/readyz']) {
      expect((await get(url, path)).headers).toHaveProperty('content-security-policy');
    }
  });
});

describe('frames', () => {
  test.each([
    [['*'], '*'],
    [[], "'none'"],
    [['self', 'https://*.example.org'], "'self' https://*.example.org"],
  ])('frameAncestors %j concern the player alone', async (frameAncestors, ancestors) => {
    const { url } = await start({ http: { frameAncestors } });
    const embed = (await get(url, '/embed/stage-2')).headers;
    expect(String(embed['content-security-policy']).split(';')).toContain(`frame-ancestors ${ancestors}`);
    expect(embed).not.toHaveProperty('x-frame-options');
    expect(embed['permissions-policy']).toMatch(/camera=\(\), microphone=\(\).*autoplay=\(self\)/);
    for (const path of ['/', '/watch/stage-2', '/publish', '/embed', '/watch/embed/x']) {
      const { headers } = await get(url, path);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'self'");
      expect(headers['x-frame-options']).toBe('SAMEORIGIN');
    }
  });

  test('<pharos-player> may be loaded by pages of any origin; nothing else may', async () => {
    const { url } = await start();
    const component = (await get(url, '/pharos-player.js')).headers;
    expect(component).toMatchObject({
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'no-cache',
    });
    const asset = (await get(url, '/assets/main-abc123.js')).headers;
    expect(asset).not.toHaveProperty('access-control-allow-origin');
    expect(asset['cross-origin-resource-policy']).toBe('same-origin');
  });
});

describe('pages', () => {
  test.each([
    ['/', 'start page'],
    ['/?a=b', 'start page'],
    ['/publish', 'publish page'],
    ['/publish/', 'publish page'],
    ['/watch', 'watch page'],
    ['/watch/', 'watch page'],
    ['/watch/some-stream_1', 'watch page'],
    ['/watch/not%20an%20id', 'watch page'],
    ['/watch/%zz', 'watch page'],
    ['/watch/..%2f..%2fsecret.txt', 'watch page'],
    [`/watch/${'x'.repeat(5000)}`, 'watch page'],
    ['/embed/some-stream_1', 'embed page'],
    ['/embed/not%20an%20id/', 'embed page'],
  ])('%s is the %s', async (path, text) => {
    const { url } = await start();
    const { status, headers, body } = await get(url, path);
    expect({ status, body }).toEqual({ status: 200, body: `<p>${text}` });
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('no-cache');
    const again = await get(url, path, { 'if-none-match': String(headers.etag) });
    expect(again.status).toBe(304);
  });

  test('assets are kept for good, other files are asked about', async () => {
    const { url } = await start();
    const asset = await get(url, '/assets/main-abc123.js');
    expect(asset.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': 'text/javascript; charset=utf-8',
    });
    const icon = await get(url, '/favicon.svg');
    expect(icon.headers).toMatchObject({ 'cache-control': 'no-cache', 'content-type': 'image/svg+xml' });
  });

  test.each(['/nothing', '/assets/main-000000.js', '/watch/a/b', '/publish/x', '/assets', '/.git/config'])(
    '%s is not found, as a page for people',
    async (path) => {
      const { url } = await start();
      const { status, headers, body } = await get(url, path, { accept: 'text/html,*/*' });
      expect(status).toBe(404);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['cache-control']).toBe('no-store');
      expect(body).toContain('<h1>Not Found</h1>');
    },
  );

  test.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/assets/%2e%2e/%2e%2e/secret.txt',
    '/assets/..\\..\\secret.txt',
    '/%00',
    '//secret.txt',
    '/watch/../../secret.txt',
  ])('nothing outside of the pages is reached by %s', async (path) => {
    const { url } = await start();
    const { status, body } = await get(url, path, { accept: 'text/html' });
    expect(body).not.toBe('secret');
    expect([400, 403, 404]).toContain(status);
  });

  test('pages that are not built are told about, and the server lives', async () => {
    const { url } = await start({ pagesDir: join(directory, 'nowhere') });
    for (const path of ['/', '/publish', '/watch/a']) {
      const { status, body } = await get(url, path);
      expect(status).toBe(503);
      expect(body).toContain('npm start');
    }
    expect((await get(url, '/healthz')).status).toBe(200);
  });
});

describe('health', () => {
  test('alive, and ready or not with the reason', async () => {
    let readiness: Readiness = { ok: false, reason: '1 of 2 media workers alive' };
    const { url } = await start({ ready: () => readiness });
    const alive = await get(url, '/healthz');
    expect(alive).toMatchObject({
      status: 200,
      body: '{"status":"ok"}',
      headers: { 'cache-control': 'no-store' },
    });
    expect(await get(url, '/readyz')).toMatchObject({
      status: 503,
      body: '{"status":"not ready","reason":"1 of 2 media workers alive"}',
      headers: { 'cache-control': 'no-store' },
    });
    readiness = { ok: true };
    expect(await get(url, '/readyz')).toMatchObject({ status: 200, body: '{"status":"ready"}' });
  });
});

describe('errors', () => {
  test('programs get problem details', async () => {
    const { url } = await start();
    const { status, headers, body } = await get(url, '/api/nothing', { accept: 'text/html' });
    expect(status).toBe(404);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(body)).toEqual({
      title: 'Not Found',
      status: 404,
      detail: 'there is nothing at this address',
    });
  });

  test('a body that is too large, or no JSON, is refused', async () => {
    const { url } = await start();
    const post = (body: string) =>
      fetch(`${url}/api/x`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    const tooLarge = await post(`"${'x'.repeat(20_000)}"`);
    expect(tooLarge.status).toBe(413);
    expect(await tooLarge.json()).toMatchObject({ title: 'Payload Too Large', status: 413 });
    expect((await post('{"key": "hunter2')).status).toBe(400);
  });

  test.each([
    [new PharosError('stream_in_use', 'taken'), 409, { code: 'stream_in_use', detail: 'taken' }],
    [new PharosError('too_many_requests', 'slower'), 429, { code: 'too_many_requests', detail: 'slower' }],
    [new PharosError('server_full', 'no room'), 503, { code: 'server_full', detail: 'no room' }],
    [new Error('hunter2'), 500, { code: 'internal', detail: 'something went wrong on the server' }],
    ['hunter2', 500, { code: 'internal' }],
  ])('%s becomes %d', async (error, status, problem) => {
    const { url } = await start({
      ready: () => {
        throw error;
      },
    });
    const answer = await get(url, '/readyz');
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ status, ...problem });
    expect(answer.body).not.toContain('hunter2');
    expect(logged.filter((line) => line.includes('request failed'))).toHaveLength(status === 500 ? 1 : 0);
  });
});
