/** JWTs as others make them: every algorithm, by real keys and a real server of public keys. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, type GenerateKeyPairResult, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Tokens } from '../../../server/auth/tokens.ts';
import { createLogger } from '../../../server/base/logger.ts';
import { KEYS } from '../../helpers/authority.ts';

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
const NOW = Date.UTC(2026, 10, 21);
const SECONDS = NOW / 1000;
const CLAIMS = { act: 'watch', stream: 'lecture-1', exp: SECONDS + 60 };

let lines: string[] = [];
const logger = createLogger({ level: 'debug', format: 'json' }, { write: (line) => lines.push(line) });

const pairs = new Map<string, GenerateKeyPairResult>();
let server: Server;
let jwksUrl = '';
let requests = 0;
let answer: (body: string) => { status: number; body: string; location?: string } = (body) => ({
  status: 200,
  body,
});

beforeAll(async () => {
  const keys: JWK[] = [];
  for (const alg of ALGORITHMS) {
    const pair = await generateKeyPair(alg, { extractable: true });
    pairs.set(alg, pair);
    keys.push({ ...(await exportJWK(pair.publicKey)), kid: alg, alg });
  }
  server = createServer((_request, response) => {
    requests += 1;
    const { status, body, location } = answer(JSON.stringify({ keys }));
    response
      .writeHead(status, { 'content-type': 'application/json', ...(location && { location }) })
      .end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function tokens(options: Partial<{ jwksUrl: string; issuer: string; audience: string }> = {}): Tokens {
  lines = [];
  return new Tokens({
    secret: KEYS.jwt,
    jwksUrl: '',
    issuer: '',
    audience: '',
    ...options,
    logger,
    now: () => NOW,
  });
}

type Claims = Record<string, unknown>;
const shared = (claims: Claims = {}, header: Claims = {}) =>
  new SignJWT({ ...CLAIMS, ...claims })
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(Buffer.from(KEYS.jwt));

async function signed(
  alg: (typeof ALGORITHMS)[number],
  claims: Claims = {},
  kid: string = alg,
): Promise<string> {
  const pair = pairs.get(alg);
  if (!pair) throw new Error(`no key for ${alg}`);
  return new SignJWT({ ...CLAIMS, ...claims }).setProtectedHeader({ alg, kid }).sign(pair.privateKey);
}

const plain = (header: object, claims: object, signature = '') =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') +
  `.${signature}`;

describe('the shared secret', () => {
  test('every claim', async () => {
    const claims = {
      sub: 'alice',
      jti: 'j1',
      iat: SECONDS - 5,
      act: ['watch', 'record'],
      limits: { streams: 2 },
    };
    expect(await tokens().read(await shared(claims))).toEqual({
      subject: 'alice',
      id: 'j1',
      actions: ['watch', 'record'],
      streams: 'lecture-1',
      issuedAt: NOW - 5000,
      expires: NOW + 60_000,
      limits: { streams: 2 },
    });
  });

  test('one that has expired is read: it is for others to say what follows', async () => {
    expect(await tokens().read(await shared({ exp: SECONDS - 1000 }))).toMatchObject({
      expires: NOW - 1_000_000,
    });
  });

  test.each<[string, Claims]>([
    ['without exp', { exp: undefined }],
    ['exp is no number', { exp: 'tomorrow' }],
    ['not yet valid', { nbf: SECONDS + 60 }],
    ['without act', { act: undefined }],
    ['act unknown', { act: 'fly' }],
    ['one act unknown', { act: ['watch', 'fly'] }],
    ['act empty', { act: [] }],
    ['act as in RFC 8693', { act: { sub: 'alice' } }],
    ['without stream', { stream: undefined }],
    ['stream impossible', { stream: '../x' }],
    ['an unknown limit', { limits: { hours: 2 } }],
    ['a limit that is none', { limits: { viewers: -1 } }],
    ['a subject of ours', { sub: 'key:publishKey' }],
    ['an address for a subject', { sub: 'address:192.0.2.1' }],
    ['for somebody else', { aud: 'another-service' }],
  ])('void: %s', async (_what, claims) => {
    expect(await tokens().read(await shared(claims))).toBeUndefined();
  });

  test('a clock that is a little ahead', async () => {
    expect(await tokens().read(await shared({ nbf: SECONDS + 4 }))).toBeDefined();
  });

  test('issuer and audience, where they are set', async () => {
    const strict = tokens({ issuer: 'https://id.example.org', audience: 'pharos' });
    const right = { iss: 'https://id.example.org', aud: ['pharos', 'other'] };
    expect(await strict.read(await shared(right))).toBeDefined();
    for (const wrong of [
      { iss: 'https://evil.example' },
      { aud: 'other' },
      { aud: undefined },
      { iss: undefined },
    ])
      expect(await strict.read(await shared({ ...right, ...wrong })), JSON.stringify(wrong)).toBeUndefined();
  });

  test('expired, but of a wrong issuer or signature: void all the same', async () => {
    const old = { exp: SECONDS - 1000 };
    expect(await tokens({ issuer: 'a' }).read(await shared({ ...old, iss: 'b' }))).toBeUndefined();
    const token = await shared(old);
    expect(await tokens().read(`${token.slice(0, -3)}AAA`)).toBeUndefined();
  });
});

describe('public keys', () => {
  test.each(ALGORITHMS)('%s', async (alg) => {
    const reader = tokens({ jwksUrl });
    expect(await reader.read(await signed(alg, { sub: 'alice' }))).toMatchObject({ subject: 'alice' });
    const [head, body] = (await signed(alg, { sub: 'alice' })).split('.');
    const [, , foreign] = (await signed(alg, { sub: 'bob' })).split('.');
    expect(await reader.read(`${head}.${body}.${foreign}`)).toBeUndefined();
  });

  test('are fetched once, also for many at once, and not again for each unknown key', async () => {
    const reader = tokens({ jwksUrl });
    const before = requests;
    const token = await signed('ES256');
    await Promise.all(Array.from({ length: 20 }, () => reader.read(token)));
    for (let index = 0; index < 20; index++)
      expect(await reader.read(await signed('ES256', {}, `unknown ${index}`))).toBeUndefined();
    expect(requests - before).toBe(1);
  });

  test('the secret still counts beside them', async () => {
    expect(await tokens({ jwksUrl }).read(await shared())).toBeDefined();
  });

  test('without an address none is believed', async () => {
    expect(await tokens().read(await signed('RS256'))).toBeUndefined();
  });

  test.each<[string, (body: string) => { status: number; body: string; location?: string }]>([
    ['an error', (body) => ({ status: 500, body })],
    ['a redirection', () => ({ status: 302, body: '', location: '/jwks.json' })],
    ['no JSON', () => ({ status: 200, body: '<html>' })],
    ['far too much', (body) => ({ status: 200, body: body + ' '.repeat(300_000) })],
  ])('%s instead of them: void', async (_what, other) => {
    const usual = answer;
    answer = other;
    expect(await tokens({ jwksUrl }).read(await signed('ES256'))).toBeUndefined();
    expect(lines.join('')).toContain('are not to be had');
    answer = usual;
  });

  test.each(['http://127.0.0.1:1/jwks.json', 'http://me:hunter2@127.0.0.1:1/jwks.json'])(
    'nobody there: void, and the log says so, without the address',
    async (url) => {
      expect(await tokens({ jwksUrl: url }).read(await signed('ES256'))).toBeUndefined();
      expect(lines.join('')).toContain('are not to be had');
      expect(lines.join('')).not.toMatch(/hunter2|127\.0\.0\.1/);
    },
  );
});

describe('tricks with algorithms', () => {
  test.each(['none', 'None', 'NONE', ''])('alg %j', async (alg) => {
    for (const reader of [tokens(), tokens({ jwksUrl })])
      expect(await reader.read(plain({ alg }, CLAIMS))).toBeUndefined();
  });

  test('HS256 by a public key as the secret', async () => {
    const { publicKey } = pairs.get('RS256') ?? {};
    if (!publicKey) throw new Error('no key');
    const pem = await exportSPKI(publicKey);
    for (const secret of [pem, pem.trim(), JSON.stringify(await exportJWK(publicKey))]) {
      const token = await new SignJWT(CLAIMS)
        .setProtectedHeader({ alg: 'HS256', kid: 'RS256' })
        .sign(Buffer.from(secret));
      expect(await tokens({ jwksUrl }).read(token)).toBeUndefined();
    }
  });

  test('HS384 and HS512 by the right secret: not what was agreed', async () => {
    for (const alg of ['HS384', 'HS512']) {
      const token = await new SignJWT(CLAIMS)
        .setProtectedHeader({ alg })
        .sign(Buffer.from(KEYS.jwt.padEnd(64, '!')));
      expect(await tokens({ jwksUrl }).read(token)).toBeUndefined();
    }
  });

  test('a key that the token brings along', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    for (const header of [{ jwk }, { jku: jwksUrl }, { kid: '../../dev/null' }]) {
      const token = await new SignJWT(CLAIMS)
        .setProtectedHeader({ alg: 'ES256', ...header })
        .sign(privateKey);
      expect(await tokens({ jwksUrl }).read(token)).toBeUndefined();
    }
  });

  test.each(['', '.', '..', 'a.b.c', 'x'.repeat(4096), 'eyJhbGciOiJIUzI1NiJ9..', `${'.'.repeat(4000)}`])(
    'rubbish: %j',
    async (token) => {
      expect(await tokens({ jwksUrl }).read(token)).toBeUndefined();
      expect(await tokens().read(token)).toBeUndefined();
    },
  );
});
