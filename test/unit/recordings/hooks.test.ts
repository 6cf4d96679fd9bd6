import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../../server/base/logger.ts';
import { type HookOptions, Hooks } from '../../../server/recordings/hooks.ts';
import { newMetadata } from '../../../server/recordings/metadata.ts';

const SECRET = 'a secret of the hook';
const NOW = Date.UTC(2026, 10, 21);
const id = { stream: 'lecture', start: '2026-11-21T13-16-58.123Z' };
const metadata = newMetadata(id);

type Heard = { body: string; headers: IncomingHttpHeaders };
let server: Server;
let heard: Heard[] = [];
let answers: (number | 'silence' | 'hang up')[] = [];
let lines: string[] = [];
let hooks: Hooks;

beforeEach(async () => {
  [heard, answers, lines] = [[], [], []];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    heard.push({ body: Buffer.concat(chunks).toString(), headers: request.headers });
    const answer = answers.shift() ?? 204;
    if (answer === 'hang up') response.destroy();
    else if (answer !== 'silence') response.writeHead(answer, { location: 'http://127.0.0.1:1/' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  hooks.close();
  server.closeAllConnections();
  server.close();
});

function start(more: Partial<HookOptions> = {}): Hooks {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const logger = createLogger({ level: 'debug', format: 'json' }, { write: (line) => lines.push(line) });
  const url = `http://me:hunter2@127.0.0.1:${port}/hook?token=hunter2`;
  hooks = new Hooks({ url, secret: SECRET, logger, now: () => NOW, retryMs: [5, 5, 5], ...more });
  return hooks;
}

const events = () => heard.map(({ body }) => JSON.parse(body).event);

test('tells what happened, signed', async () => {
  start().send('recording.finish', id, { ...metadata, verdict: 'ok' });
  await expect.poll(() => heard.length).toBe(1);
  const [{ body, headers } = { body: '', headers: {} }] = heard;
  expect(JSON.parse(body)).toMatchObject({
    event: 'recording.finish',
    id: 'lecture/2026-11-21T13-16-58.123Z',
    time: '2026-11-21T00:00:00.000Z',
    recording: { verdict: 'ok' },
  });
  const mac = createHmac('sha256', SECRET)
    .update(`${NOW / 1000}.${body}`)
    .digest('hex');
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    authorization: `Basic ${Buffer.from('me:hunter2').toString('base64')}`,
    'pharos-event': 'recording.finish',
    'pharos-signature': `t=${NOW / 1000},v1=${mac}`,
  });
});

test.each([500, 404, 429, 'hang up', 'silence'] as const)(
  'after %s it is tried again, as the same delivery',
  async (answer) => {
    answers = [answer, answer];
    start({ timeoutMs: 100 }).send('recording.start', id, metadata);
    await expect.poll(() => heard.length).toBe(3);
    expect(new Set(heard.map(({ headers }) => headers['pharos-delivery'])).size).toBe(1);
    await expect.poll(() => hooks.waiting).toBe(0);
  },
);

test('given up after the last attempt; the next one is delivered', async () => {
  answers = [500, 500, 500, 500];
  start().send('recording.start', id, metadata);
  hooks.send('recording.part', id, metadata);
  await expect.poll(events).toEqual([...Array(4).fill('recording.start'), 'recording.part']);
  expect(lines.filter((line) => line.includes('given up'))).toHaveLength(1);
});

test.each([400, 401, 410, 422])('%i is a refusal: not tried again', async (status) => {
  answers = [status];
  start().send('recording.start', id, metadata);
  hooks.send('recording.part', id, metadata);
  await expect.poll(events).toEqual(['recording.start', 'recording.part']);
});

test('a redirection is not followed', async () => {
  answers = [302, 302, 302, 302];
  start().send('recording.start', id, metadata);
  await expect
    .poll(() => lines.some((line) => line.includes('it answered 302') && line.includes('given up')))
    .toBe(true);
});

test('events come in their order, one at a time', async () => {
  answers = [500, 204, 'hang up'];
  start();
  for (const event of ['recording.start', 'recording.part', 'recording.finish'] as const)
    hooks.send(event, id, metadata);
  await expect.poll(() => hooks.waiting).toBe(0);
  expect(events()).toEqual([
    'recording.start',
    'recording.start',
    'recording.part',
    'recording.part',
    'recording.finish',
  ]);
});

test('more than may wait are dropped, and logged', () => {
  start({ maxWaiting: 2 });
  for (let index = 0; index < 5; index += 1) hooks.send('recording.start', id, metadata);
  expect(hooks.waiting).toBe(2);
  expect(lines.filter((line) => line.includes('hook dropped'))).toHaveLength(3);
});

test('closing ends it, also in the middle of waiting', async () => {
  answers = [500];
  start({ retryMs: [60_000] }).send('recording.start', id, metadata);
  await expect.poll(() => lines.length).toBe(1);
  hooks.close();
  hooks.send('recording.part', id, metadata);
  expect(hooks.waiting).toBe(0);
  expect(heard).toHaveLength(1);
});

test('neither the secret nor the address is in the log', async () => {
  answers = ['hang up', 500];
  start().send('recording.start', id, metadata);
  await expect.poll(() => hooks.waiting).toBe(0);
  expect(lines.length).toBe(2);
  expect(lines.join()).not.toMatch(/hunter2|secret of/);
});
