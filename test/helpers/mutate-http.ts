/** HTTP requests that no client would send, as octets, reproducible by their seed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Random } from './mutate.ts';
import { randomBytes, scramble } from './mutate-datagram.ts';

const SERVER = join(import.meta.dirname, '../../server');

/** Served by patterns rather than by name. */
const PAGES = ['/', '/publish', '/recordings', '/watch/:stream', '/assets/:file', '/favicon.svg'];

/** Every path that the server's sources name, parameters as `:name`: a new route can't be forgotten here. */
export function routes(): string[] {
  const files = readdirSync(SERVER, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^(http|whip|signaling)\/.*\.ts$/.test(file),
  );
  const found = files.flatMap((file) => {
    const text = readFileSync(join(SERVER, file), 'utf8');
    return [...text.matchAll(/'(\/[a-z][\w:/.{}-]*)'/g)].map(([, path = '']) => path.replaceAll(/[{}]/g, ''));
  });
  const sessions = ['/whip', '/whep'].flatMap((root) => [`${root}/:stream`, `${root}/:stream/:session`]);
  return [...new Set([...found, ...sessions, ...PAGES])].sort();
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const STRANGE_METHODS = ['TRACE', 'CONNECT', 'PRI', 'get', 'X', ''];
const IDS = [
  'other',
  'lecture-1',
  '..',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%00',
  '%',
  '%zz',
  '%ff',
  '__proto__',
  '.',
  '',
];
const STRANGE_VERSIONS = ['HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTTP/', ''];
const TYPES = [
  'application/json',
  'application/sdp',
  'application/trickle-ice-sdpfrag',
  'text/plain; charset=x',
  '/',
  '',
];

type Pick = <T>(items: readonly T[]) => T;

/** One request, well-formed but for what is not. */
export function httpRequest(paths: readonly string[], random: Random, key: string): Buffer {
  const pick: Pick = (items) => items[Math.floor(random() * items.length)] as (typeof items)[number];
  const path = pick(paths).replaceAll(/:\w+/g, () =>
    pick([...IDS, 'x'.repeat(Math.floor(random() ** 4 * 20_000))]),
  );
  const target = random() < 0.9 ? path : strangeTarget(path, pick, random);
  const body = bodyOf(pick, random);
  const headers = [
    ...(random() < 0.95 ? ['Host: localhost'] : []),
    ...(random() < 0.95 ? ['Connection: close'] : []),
    ...(random() < 0.5 ? [`Authorization: Bearer ${random() < 0.8 ? key : ''}`] : []),
    ...(random() < 0.6 ? [`Content-Type: ${pick(TYPES)}`] : []),
    ...framing(body, pick, random),
    ...Array.from({ length: Math.floor(random() ** 2 * 3) }, () => strangeHeader(pick, random)),
  ];
  const method = pick(random() < 0.9 ? METHODS : STRANGE_METHODS);
  const version = random() < 0.95 ? 'HTTP/1.1' : pick(STRANGE_VERSIONS);
  const head = `${method} ${target} ${version}\r\n${headers.join('\r\n')}\r\n\r\n`;
  const whole = Buffer.concat([Buffer.from(head, random() < 0.5 ? 'utf8' : 'latin1'), body]);
  return random() < 0.1 ? scramble(whole, random) : whole;
}

function strangeTarget(path: string, pick: Pick, random: Random): string {
  return pick([
    `http://elsewhere.example${path}`,
    `//elsewhere.example${path}`,
    `${path}/../../../../etc/passwd`,
    `${path}?${'a[b]=c&'.repeat(Math.floor(random() * 300))}`,
    `${path}?__proto__[x]=1&constructor=2`,
    `${path}\u0000`,
    `${path}#fragment`,
    `${path} ${path}`,
    `/${'../'.repeat(30)}`,
    `/${'a/'.repeat(Math.floor(random() * 5000))}`,
    '*',
    'localhost:443',
    '',
  ]);
}

/** Lengths that lie, chunks that are none, and both at once (RFC 9112, section 6.3). */
function framing(body: Buffer, pick: Pick, random: Random): string[] {
  const length = `Content-Length: ${body.length}`;
  if (random() < 0.8) return body.length > 0 ? [length] : [];
  return pick([
    [`Content-Length: ${body.length + 10}`],
    ['Content-Length: -1'],
    ['Content-Length: 99999999999999999999'],
    ['Content-Length: 1e3'],
    [length, 'Content-Length: 0'],
    ['Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', length],
    ['Transfer-Encoding: gzip, chunked'],
    ['Transfer-Encoding : chunked'],
    ['Transfer-Encoding: xchunked'],
    [length, 'Expect: 100-continue'],
    [length, 'Expect: something'],
  ]);
}

const BOMB = gzipSync(Buffer.alloc(2 << 20));

function bodyOf(pick: Pick, random: Random): Buffer {
  if (random() < 0.6) return Buffer.alloc(0);
  return pick([
    () => Buffer.from('{"stream":"other","url":"rtsp://127.0.0.1/"}'),
    () => Buffer.from(`${'['.repeat(5000)}`),
    () => Buffer.from('{"__proto__":{"x":1},"constructor":{"prototype":{}}}'),
    () => Buffer.from('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'),
    () => Buffer.from('5\r\nhello\r\nffffffffffffffff\r\n'),
    () => randomBytes(Math.floor(random() * 2000), random),
    () => Buffer.alloc(Math.floor(random() * 100_000), 'a'),
    () => BOMB,
  ])();
}

function strangeHeader(pick: Pick, random: Random): string {
  return pick([
    () => 'Content-Encoding: gzip',
    () => 'Content-Encoding: br',
    () => `Range: bytes=${pick(['0-', '-1', '5-1', '0-99999999999999999999', '0-1,2-3,4-5', 'x'])}`,
    () => `If-Match: ${pick(['*', '"x"', '', 'W/"1"'])}`,
    () => 'If-Modified-Since: yesterday',
    () => `Accept: ${pick(['*/*;q=9', 'text/html', 'application/json', ','.repeat(500)])}`,
    () => `Accept-Encoding: ${'gzip,'.repeat(300)}`,
    () => `Cookie: ${'a=b; '.repeat(Math.floor(random() * 1000))}`,
    () => `X-Forwarded-For: ${pick(['1.2.3.4', '::ffff:1.2.3.4', 'x'.repeat(500), ', , ,'])}`,
    () => `X-Large: ${'x'.repeat(Math.floor(random() * 40_000))}`,
    () => Array.from({ length: 300 }, (_, index) => `X-${index}: 1`).join('\r\n'),
    () => ' folded: line',
    () => 'No-Colon',
    () => 'Nul: \u0000',
    () => `Origin: ${pick(['null', 'https://elsewhere.example', 'x', ''])}`,
    () => 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA',
    () =>
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    () => 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk',
    () => 'Connection: close, keep-alive',
  ])();
}
