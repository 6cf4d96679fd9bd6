/** The webhook, asked for real: whatever goes wrong means no. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PharosError } from '../../../server/base/errors.ts';
import { signature } from '../../../server/base/signed-post.ts';
import { asker, authorityOf, KEYS, lines, token } from '../../helpers/authority.ts';

const SECRET = 'a secret of the webhook';
type Handler = (
  response: ServerResponse,
  question: Record<string, unknown>,
  request: IncomingMessage,
) => void;

let server: Server;
let port = 0;
let handler: Handler;
let asked: Record<string, unknown>[] = [];

beforeEach(async () => {
  [asked, lines.length] = [[], 0];
  server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const question: Record<string, unknown> = JSON.parse(body);
    const given = String(request.headers['pharos-signature']);
    const [, time = ''] = /^t=(\d+),/.exec(given) ?? [];
    expect(given).toBe(signature(SECRET, Number(time), body));
    asked.push(question);
    handler(response, question, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const reply =
  (status: number, body: unknown = '', headers: Record<string, string> = {}): Handler =>
  (response) =>
    void response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));

function authority(more: { timeout?: number; url?: string } = {}) {
  const webhook = { url: `http://127.0.0.1:${port}/auth`, secret: SECRET, timeout: 400, ...more };
  return authorityOf({ publish: 'key', private: ['*'], webhook });
}

const watch = (who = asker('a foreign token'), by = authority()) => by.authorize('watch', 'lecture-1', who);
const refused = (asking: Promise<unknown>) =>
  asking.then(
    () => 'allowed',
    (error: unknown) => (error instanceof PharosError ? error.code : String(error)),
  );

describe('allowed', () => {
  test('by a bare 204, asked for what it is about', async () => {
    handler = reply(204);
    const grant = await watch(asker('a foreign token', { address: '192.0.2.1' }));
    expect(asked).toEqual([
      { action: 'watch', stream: 'lecture-1', token: 'a foreign token', address: '192.0.2.1' },
    ]);
    expect(grant).toMatchObject({ subject: expect.stringMatching(/^token:/), limits: {} });
  });

  test('with subject, limits and an end', async () => {
    const expires = Math.ceil(Date.now() / 1000) + 1;
    handler = reply(200, { subject: 'alice', expires, limits: { viewers: 2 }, more: 'is ignored' });
    const grant = await watch();
    expect(grant).toMatchObject({ subject: 'alice', limits: { viewers: 2 } });
    const end = await new Promise((resolve) => grant.onEnd(resolve));
    expect(end).toBe('expired');
    expect(Date.now()).toBeGreaterThanOrEqual(expires * 1000);
  });

  test('without any token: by address', async () => {
    handler = reply(204);
    const grant = await watch(asker(undefined, { address: '192.0.2.1' }));
    expect(asked).toMatchObject([{ token: null }]);
    expect(grant.subject).toBe('address:192.0.2.1');
  });

  test('for what is not about one stream', async () => {
    handler = reply(204);
    await authority().authorize('administer', undefined, asker('a foreign token'));
    expect(asked).toMatchObject([{ action: 'administer', stream: null }]);
  });

  test('its subject can be revoked, and the webhook decides anew', async () => {
    handler = reply(200, { subject: 'alice' });
    const by = authority();
    const grant = await watch(asker('x'), by);
    const end = new Promise((resolve) => grant.onEnd(resolve));
    await by.revoke({ subject: 'alice' });
    expect(await end).toBe('revoked');
    await expect.poll(() => refused(watch(asker('x'), by))).toBe('allowed');
  });
});

describe('not asked', () => {
  test('about what Pharos knows itself, or where no grant is needed', async () => {
    handler = reply(204);
    const by = authority();
    await by.authorize('publish', 'lecture-1', asker(KEYS.publish));
    await by.authorize('watch', 'lecture-1', asker(await token()));
    expect(await refused(by.authorize('publish', 'lecture-1', asker(await token())))).toBe('not_allowed');
    const expired = await token({}, { now: Date.now() - 120_000 });
    expect(await refused(by.authorize('watch', 'lecture-1', asker(expired)))).toBe('not_allowed');
    const webhook = { url: `http://127.0.0.1:${port}/auth`, secret: SECRET };
    await authorityOf({ webhook }).authorize('watch', 'lecture-1', asker('x'));
    expect(asked).toEqual([]);
  });
});

describe('refused', () => {
  const past = Math.floor(Date.now() / 1000) - 10;
  test.each<[string, Handler]>([
    ['401', reply(401)],
    ['403', reply(403, { subject: 'alice' })],
    ['404', reply(404)],
    ['500', reply(500)],
    ['a redirection to where it would be allowed', reply(302, '', { location: '/yes' })],
    ['no JSON', reply(200, '<html>welcome</html>')],
    ['a list', reply(200, [])],
    ['a limit that is unknown', reply(200, { limits: { hours: 1 } })],
    ['a subject of ours', reply(200, { subject: 'key:publishKey' })],
    ['expired already', reply(200, { expires: past })],
    ['a huge body', reply(200, JSON.stringify({ subject: 'a', more: 'x'.repeat(1_000_000) }))],
    ['silence', () => undefined],
    ['hanging up', (response) => void response.destroy()],
    ['a body without end', (response) => void response.writeHead(200).write('{')],
  ])('%s', async (_what, how) => {
    handler = (response, question, request) =>
      request.url === '/yes' ? reply(204)(response, question, request) : how(response, question, request);
    const before = performance.now();
    expect(await refused(watch())).toBe('not_allowed');
    expect(performance.now() - before).toBeLessThan(5000);
    expect(asked).toHaveLength(1);
  });

  test('nobody there', async () => {
    expect(await refused(watch(asker('x'), authority({ url: 'http://127.0.0.1:1/' })))).toBe('not_allowed');
    expect(lines.join('')).toContain('auth webhook failed');
    expect(lines.join('')).not.toContain('127.0.0.1:1');
  });
});

test('a token counts as wrong only where the webhook said so', async () => {
  const by = authority();
  const from = (key: string) => asker(key, { address: '192.0.2.9' });
  handler = reply(500);
  for (let index = 0; index < 15; index++) expect(await refused(watch(from('x'), by))).toBe('not_allowed');
  handler = reply(403);
  for (let index = 0; index < 10; index++) expect(await refused(watch(from('x'), by))).toBe('not_allowed');
  expect(await refused(watch(from('x'), by))).toBe('too_many_requests');
  expect(asked).toHaveLength(25);
});

test('is never asked more than it can bear at once; the others wait, and get their answer', async () => {
  let [now, most] = [0, 0];
  handler = (response) => {
    now += 1;
    most = Math.max(most, now);
    setTimeout(() => {
      now -= 1;
      response.writeHead(204).end();
    }, 5);
  };
  const by = authority({ timeout: 20_000 });
  const all = await Promise.all(
    Array.from({ length: 300 }, (_, index) => refused(watch(asker(`t${index}`), by))),
  );
  expect(new Set(all)).toEqual(new Set(['allowed']));
  console.log(`${most} at once of 300`);
  expect(most).toBeLessThanOrEqual(32);
});

test('who waits too long is refused, and takes no place', async () => {
  handler = () => undefined;
  const by = authority({ timeout: 300 });
  const all = await Promise.all(
    Array.from({ length: 100 }, (_, index) => refused(watch(asker(`t${index}`), by))),
  );
  expect(new Set(all)).toEqual(new Set(['not_allowed']));
  // Most had waited as long as the first by then, and were not asked about any more.
  expect(asked.length).toBeLessThan(100);
  handler = reply(204);
  expect(await refused(watch(asker('x'), by))).toBe('allowed');
});
