/** The REST API is what its document says: every route is in it, and every operation answers by it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Router } from 'express';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { configSchema } from '../../config/schema.ts';
import { Access } from '../../server/auth/access.ts';
import { Admission } from '../../server/auth/admission.ts';
import { Authority } from '../../server/auth/authority.ts';
import { createLogger } from '../../server/base/logger.ts';
import { Cameras } from '../../server/cameras/cameras.ts';
import { api } from '../../server/http/api.ts';
import { openApi } from '../../server/http/openapi.ts';
import { OPERATIONS } from '../../server/http/operations/all.ts';
import { restApi } from '../../server/http/rest.ts';
import { Metrics } from '../../server/metrics/metrics.ts';
import { Posters } from '../../server/posters/posters.ts';
import { Recordings } from '../../server/recordings/recordings.ts';
import { wireCapabilities } from '../../server/signaling/capabilities.ts';
import { Registry } from '../../server/streams/registry.ts';
import { whip } from '../../server/whip/routes.ts';
import { WorkerPool } from '../../workers/media/pool.ts';
import { KEYS } from '../helpers/authority.ts';
import { type Documented, DocumentedApi } from '../helpers/documented.ts';
import { publishMedia } from '../helpers/live.ts';
import { offer } from '../helpers/offers.ts';
import { fragment, publishOffer, watchOffer } from '../helpers/sdp.ts';
import { freePorts, startServer, type TestServer } from '../helpers/server.ts';

// --- The document itself ------------------------------------------------------------------

const DOCUMENT = openApi(OPERATIONS, '1.2.3');

test('is OpenAPI 3.1, and its examples fit its schemas', async () => {
  const validator = new Validator();
  expect(await validator.validate(structuredClone(DOCUMENT))).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  const documented = new DocumentedApi('', DOCUMENT);
  let examples = 0;
  for (const { operationId, requestBody, responses } of documented.operations.values()) {
    const bodies = [requestBody, ...Object.values(responses)].flatMap((each) =>
      Object.values(each?.content ?? {}),
    );
    for (const { schema, example } of bodies) {
      if (schema === undefined || example === undefined) continue;
      expect(documented.faults(schema, example), operationId).toBe('');
      examples += 1;
    }
  }
  expect(examples).toBeGreaterThan(20);
});

test('every route is in the document, and every operation has a route', async () => {
  const routes = await routesOf();
  const documented = OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort();
  expect([...new Set(routes)].sort()).toEqual(documented);
});

/** Those of the routers that main.ts makes the app of, made as there. */
async function routesOf(): Promise<string[]> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'pharos-routes-'));
  const config = configSchema.parse({
    dataDirectory,
    media: { workers: 1, portBase: await freePorts(1), listenAddresses: ['127.0.0.1'] },
  });
  const logger = createLogger({ level: 'silent', format: 'json' });
  const pool = await WorkerPool.create({ media: config.media, logger });
  try {
    const authority = new Authority({ auth: config.auth, keys: KEYS, logger });
    const access = new Access({ config, authority, logger });
    const isOverloaded = () => false;
    const registry = new Registry({ config, pool, logger, isOverloaded });
    const cameras = Cameras.create({ config, logger, registry });
    const recordings = await Recordings.create({ config, logger, registry });
    const posters = new Posters({ config, logger, registry, isOverloaded });
    const metrics = new Metrics(() => Promise.reject(new Error('nobody asks')));
    const parts = { config, access, authority, registry, cameras, recordings, posters, metrics };
    const rest = restApi({
      ...parts,
      settings: [],
      secret: KEYS.jwt,
      baseUrl: () => 'https://live.example.org',
      version: '1.2.3',
    });
    const rtpCapabilities = wireCapabilities(pool.rtpCapabilities);
    const admission = new Admission(config.limits);
    const { joins } = metrics;
    const { router } = whip({ config, registry, access, admission, joins, rtpCapabilities, canPlay: true });
    const routes = [rest, router, api(() => ({ ok: true }))].flatMap(methodsOf);
    posters.close();
    await Promise.all([cameras.close(), recordings.close()]);
    registry.close();
    return routes;
  } finally {
    await pool.close();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

const METHOD = /^(get|post|put|patch|delete)$/;

/** `get /api/streams`, of a router and those in it. */
function methodsOf({ stack }: Router): string[] {
  return stack.flatMap(({ route, handle }) => {
    if (!route) return 'stack' in handle ? methodsOf(handle as unknown as Router) : [];
    const methods = route.stack.map(({ method }) => method).filter((method) => METHOD.test(method ?? ''));
    return methods.map((method) => `${method} ${route.path}`);
  });
}

// --- A server that is called by it -----------------------------------------------------------

const ADMIN = 'an-admin-key-for-tests';
const PUBLISH = 'a-publish-key-for-tests';
const WATCH = 'a-key-to-watch-with-in-tests';
const as = (key: string) => ({ headers: { Authorization: `Bearer ${key}` } });
const admin = as(ADMIN);
const publisher = as(PUBLISH);

let server: TestServer;
let call: DocumentedApi['call'];
let documented: DocumentedApi;
beforeAll(async () => {
  server = await startServer({
    PHAROS_AUTH_ADMIN_KEY: ADMIN,
    PHAROS_AUTH_PUBLISH_KEY: PUBLISH,
    PHAROS_AUTH_PUBLISH: 'key',
    PHAROS_AUTH_PRIVATE: 'board-*',
    PHAROS_AUTH_KEYS: JSON.stringify([{ name: 'board', key: WATCH, actions: ['watch'], streams: 'board-*' }]),
    PHAROS_CAMERAS: JSON.stringify([{ stream: 'yard', url: 'rtsp://127.0.0.1:9/a' }]),
    PHAROS_CAMERA_NETWORKS: '127.0.0.0/8',
    PHAROS_LIMITS_PUBLISHER_GRACE: 0,
    // On a machine that is busy with other things, joins and posters are not to be refused.
    PHAROS_LIMITS_EVENT_LOOP_DELAY: 10_000,
    PHAROS_LIMITS_MAX_LOAD: 1,
    // Sessions by SDP alone never get media.
    PHAROS_LIMITS_MEDIA_SETUP_TIME: 120,
    PHAROS_RECORDINGS_RECORD: JSON.stringify([{ streams: 'never', record: 'off' }]),
    PHAROS_RECORDINGS_MIN_FREE: 0,
  });
  const given: unknown = await (await fetch(`${server.url}/api/openapi.json`)).json();
  documented = new DocumentedApi(server.url, given);
  call = documented.call.bind(documented);
});
afterAll(() => server?.stop());

test('the server itself', async () => {
  await call('getHealth', 200);
  await call('getReadiness', 200);
  await call('getMetrics', 200, admin);
  await call('getConfig', 200, admin);
  const { headers, body } = await call('getOpenApi', 200);
  expect(headers.get('Access-Control-Allow-Origin')).toBe('*');
  expect(body).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./), info: { title: 'Pharos' } });
});

test('streams, their sessions, posters and recordings, with real media', { timeout: 90_000 }, async () => {
  const params = { stream: 'live' };
  const live = await publishMedia(server.url, 'live', 'h264', { token: PUBLISH });
  const { body } = await call('listStreams', 200, admin);
  expect(body).toMatchObject({ streams: [{ stream: 'live', live: true }] });
  await call('getStream', 200, { params, ...publisher });
  await call('getStream', 404, { params: { stream: 'nobody' }, ...admin });

  const poster = await vi.waitFor(() => call('getPoster', 200, { params }), { timeout: 30_000 });
  // Where fetch asks for all of it, Express does not answer 304 (see posters.test.ts).
  expect(poster.headers.get('ETag')).toMatch(/^"/);
  await call('getPoster', 404, { params: { stream: 'nobody' } });
  await call('getPoster', 200, { params });

  await call('getStreamRecording', 200, { params, ...publisher });
  await call('stopRecording', 404, { params, ...publisher });
  const { body: begun } = await call('startRecording', 201, { params, ...publisher });
  const { id } = z.object({ recording: z.object({ id: z.string() }) }).parse(begun).recording;
  const [stream = '', start = ''] = id.split('/');
  await expect
    .poll(
      async () => {
        const { body: now } = await call('getStreamRecording', 200, { params, ...publisher });
        return z.object({ recording: z.object({ seconds: z.number() }) }).parse(now).recording.seconds;
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(1);
  await call('deleteRecording', 409, { params: { stream, start }, ...admin });
  await call('stopRecording', 200, { params, ...publisher });
  const done = z.object({ state: z.literal('done'), parts: z.array(z.object({ url: z.string() })) });
  await expect
    .poll(
      async () => {
        const { body: now } = await call('getRecording', 200, { params: { stream, start }, ...admin });
        return done.safeParse(now).success;
      },
      { timeout: 60_000 },
    )
    .toBe(true);
  await call('listRecordings', 200, admin);
  const { body: recording } = await call('getRecording', 200, { params: { stream, start }, ...admin });
  const address = new URL(done.parse(recording).parts[0]?.url ?? '', server.url);
  const file = {
    params: { stream, start, file: address.pathname.split('/').at(-1) ?? '' },
    query: Object.fromEntries(address.searchParams),
  };
  await call('getRecordingFile', 200, file);
  await call('getRecordingFile', 206, { ...file, headers: { Range: 'bytes=0-99' } });
  await call('getRecordingFile', 401, { params: file.params });
  await call('deleteRecording', 204, { params: { stream, start }, ...admin });
  await call('getRecordingFile', 404, file);
  await call('getRecording', 404, { params: { stream, start }, ...admin });
  await call('deleteRecording', 404, { params: { stream, start }, ...admin });
  await call('startRecording', 404, { params: { stream: 'nobody' }, ...publisher });
  await call('startRecording', 403, { params: { stream: 'never' }, ...publisher });
  for (const each of ['getStreamRecording', 'startRecording', 'stopRecording'])
    await call(each, 400, { params: { stream: 'no id' }, ...admin });

  const { body: list } = await call('listSessions', 200, { params, ...admin });
  const [session] = z.object({ sessions: z.array(z.object({ id: z.string() })) }).parse(list).sessions;
  await call('endSession', 204, { params: { ...params, session: session?.id ?? '' }, ...admin });
  await call('endSession', 404, { params: { ...params, session: session?.id ?? '' }, ...admin });
  await call('listSessions', 404, { params: { stream: 'nobody' }, ...admin });
  await live.stop();

  const another = await publishMedia(server.url, 'another', 'opus-only', { token: PUBLISH });
  await call('deleteStream', 204, { params: { stream: 'another' }, ...admin });
  await call('deleteStream', 404, { params: { stream: 'another' }, ...admin });
  await call('deleteStream', 409, { params: { stream: 'yard' }, ...admin });
  await another.stop();
});

test('cameras', async () => {
  // Nothing listens there: it is off, and added all the same.
  const body = { stream: 'door', url: 'rtsp://user:password@127.0.0.1:9/stream1' };
  const { headers } = await call('addCamera', 201, { body, ...admin });
  expect(headers.get('Location')).toBe('/api/cameras/door');
  await call('addCamera', 409, { body, ...admin });
  await call('listCameras', 200, admin);
  await call('getCamera', 200, { params: { stream: 'door' }, ...admin });
  await call('removeCamera', 204, { params: { stream: 'door' }, ...admin });
  await call('getCamera', 404, { params: { stream: 'door' }, ...admin });
  await call('removeCamera', 404, { params: { stream: 'door' }, ...admin });
  await call('removeCamera', 409, { params: { stream: 'yard' }, ...admin });
});

test('grants', async () => {
  const { body } = await call('makeGrant', 201, { body: { action: 'administer' }, ...admin });
  const { token, jti } = z.object({ token: z.string(), jti: z.string() }).parse(body);
  await call('listStreams', 200, as(token));
  await call('makeGrant', 403, { body: { action: 'administer' }, ...as(token) });
  await call('revokeGrants', 200, { body: { jti }, ...admin });
  await call('listStreams', 401, as(token));
});

test.each([
  ['Whip', publishOffer(), PUBLISH],
  ['Whep', watchOffer(), ''],
] as const)('%s', async (name, sdp, key) => {
  const stream = 'sdp';
  const headers = key ? as(key).headers : {};
  const live = key ? undefined : await publishMedia(server.url, stream, 'vp8', { token: PUBLISH });
  const { headers: answered } = await call(`start${name}`, 201, { params: { stream }, headers, body: sdp });
  // At once: while the first is coming up.
  if (key) await call('startWhip', 409, { params: { stream }, headers, body: sdp });
  const session = answered.get('Location')?.split('/').at(-1) ?? '';
  const params = { stream, session };
  const patch = (status: number, match?: string, body = fragment('abcd')) =>
    call(`patch${name}`, status, { params, body, ...(match && { headers: { 'If-Match': match } }) });
  const nothing = { body: 'a=end-of-candidates\r\n', headers: { 'If-Match': '*' } };
  await patch(200, '*', fragment('efgh'));
  await patch(204, '*', nothing.body);
  await patch(400, '*', 'a=ice-ufrag:x\r\n');
  await patch(412, '"another"');
  await patch(428);
  await call(`patch${name}`, 415, { params, type: 'text/plain', body: 'x', headers: { 'If-Match': '*' } });
  await call(`patch${name}`, 413, { params, body: 'x'.repeat(70_000), headers: { 'If-Match': '*' } });
  await call(`start${name}`, 415, { params: { stream }, headers, type: 'text/plain', body: 'x' });
  await call(`start${name}`, 400, { params: { stream }, headers, body: 'no SDP' });
  await call(`start${name}`, 413, { params: { stream }, headers, body: 'x'.repeat(70_000) });
  if (key) {
    const body = offer('libdatachannel-publish-h265');
    await call('startWhip', 406, { params: { stream: 'h265' }, headers, body });
  } else {
    await call('startWhep', 404, { params: { stream: 'nobody' }, body: sdp });
  }
  await expect
    .poll(async () => (await call(`patch${name}`, undefined, { params, ...nothing })).status, {
      timeout: 20_000,
      interval: 1,
    })
    .toBe(429);
  await call(`end${name}`, 200, { params });
  await call(`end${name}`, 404, { params });
  await patch(404, '*');
  await live?.stop();
});

/** What all that take JSON, and all that need a grant, refuse alike. */
test('bodies that are none, and those who may not', { timeout: 60_000 }, async () => {
  const operations = [...documented.operations.values()];
  for (const { operationId, requestBody } of operations) {
    if (!requestBody?.content['application/json']) continue;
    await call(operationId, 400, { body: { nonsense: true }, ...admin });
    await call(operationId, 413, { body: 'x'.repeat(20_000), ...admin });
  }
  const guarded = operations.filter(({ security }) => security.some((scheme) => 'bearer' in scheme));
  expect(guarded.length).toBeGreaterThan(20);
  // Of a private stream: watching needs a grant too.
  const refused = ({ operationId, requestBody }: Documented, status: number, key?: string) => {
    const body = requestBody && (requestBody.content['application/json'] ? {} : watchOffer());
    return call(operationId, status, {
      params: { stream: 'board-1' },
      ...(body !== undefined && { body }),
      ...(key !== undefined && as(key)),
    });
  };
  for (const each of guarded) await refused(each, 401);
  await expect
    .poll(async () => (await call('listStreams', undefined, as('a-wrong-key'))).status, { timeout: 20_000 })
    .toBe(429);
  for (const each of guarded) await refused(each, 429, 'another-wrong-key');
});

/** What it would take to have these: a server that is full, closes or has no workers, a disk or a player of its own. */
const NOT_PROVOKED =
  /^(addCamera (406|503)|revokeGrants 503|startRecording (503|507)|startWhip (422|503)|startWhep (406|422|503)|getReadiness 503|getPoster 304)$/;

test('every answer that is documented was seen, but those that take a server in trouble', () => {
  const all = [...documented.operations.values()].flatMap(({ operationId, responses }) =>
    Object.keys(responses).map((status) => `${operationId} ${status}`),
  );
  expect(all.filter((each) => !documented.seen.has(each) && !NOT_PROVOKED.test(each))).toEqual([]);
  console.log(
    `${documented.operations.size} operations, ${documented.seen.size} of ${all.length} answers seen`,
  );
});
