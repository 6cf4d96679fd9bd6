/** A live stream's picture: made of real media when asked for, once for all who ask. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFfmpeg } from '../../workers/ffmpeg/binary.ts';
import { keyFrameSize } from '../../workers/ffmpeg/record/vp8.ts';
import { still } from '../../workers/ffmpeg/still.ts';
import { get } from '../helpers/http.ts';
import { jpegSize } from '../helpers/jpeg.ts';
import { publishMedia } from '../helpers/live.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const ADMIN = 'an-admin-key-for-tests';
const WATCH = 'a-key-to-watch-with-in-tests';
const AS_ADMIN = { Authorization: `Bearer ${ADMIN}` };

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    PHAROS_AUTH_ADMIN_KEY: ADMIN,
    PHAROS_AUTH_PRIVATE: 'board-*',
    PHAROS_AUTH_KEYS: JSON.stringify([{ name: 'board', key: WATCH, actions: ['watch'], streams: 'board-*' }]),
    PHAROS_AUTH_PUBLISH: 'local',
    PHAROS_LIMITS_PUBLISHER_GRACE: 1,
    PHAROS_POSTERS_INTERVAL: 2,
    PHAROS_LOG_LEVEL: 'debug',
  });
});
afterAll(() => server?.stop());

const poster = (stream: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/api/streams/${stream}/poster`, { headers });
const made = (stream: string) => server.records('poster made').filter(({ streamId }) => streamId === stream);

test.each(['h264', 'vp8', 'h264-high', 'h264-long-gop'] as const)('of %s', async (name) => {
  const live = await publishMedia(server.url, name, name);
  const askedAt = performance.now();
  const response = await poster(name);
  const ms = Math.round(performance.now() - askedAt);
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('image/jpeg');
  expect(response.headers.get('Cache-Control')).toBe('max-age=2');
  const jpeg = Buffer.from(await response.arrayBuffer());
  console.log(`poster of ${name}: ${jpeg.length} bytes in ${ms} ms`, made(name)[0]?.ms);
  expect(jpegSize(jpeg)).toEqual({ width: 640, height: 360 });
  // The whole of it can be decoded, and shows the box of the test media.
  const [red = 0, green = 0, blue = 0] = execFileSync(
    findFfmpeg(),
    [
      ...[
        '-v',
        'error',
        '-xerror',
        '-f',
        'mjpeg',
        '-i',
        'pipe:0',
        '-vf',
        'crop=iw/8:ih/8:iw/16:ih/16,scale=1:1',
      ],
      ...['-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'],
    ],
    { input: jpeg },
  );
  expect(Math.max(red, blue)).toBeGreaterThan(150);
  expect(green).toBeLessThan(90);
  await live.stop();
});

test('a storm of requests makes one, which is nobody’s viewer', async () => {
  const live = await publishMedia(server.url, 'storm', 'h264');
  const responses = await Promise.all(Array.from({ length: 200 }, () => poster('storm')));
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(responses.map(({ headers }) => headers.get('ETag'))).size).toBe(1);
  expect(made('storm')).toHaveLength(1);
  const { streams } = (await (await fetch(`${server.url}/api/streams`, { headers: AS_ADMIN })).json()) as {
    streams: { stream: string; viewers: number }[];
  };
  expect(streams).toContainEqual(expect.objectContaining({ stream: 'storm', viewers: 0 }));
  expect(server.records('stream piped')).toEqual([]);
  await live.stop();
});

test('is the same until it is time for another, and told so', async () => {
  const live = await publishMedia(server.url, 'again', 'vp8');
  const first = await poster('again');
  const etag = first.headers.get('ETag') ?? '';
  // fetch adds a Cache-Control that asks for all of it.
  const path = '/api/streams/again/poster';
  expect((await get(server.url, path, { 'If-None-Match': etag })).status).toBe(304);
  // The picture is never the same twice.
  await expect
    .poll(async () => (await poster('again')).headers.get('ETag'), { timeout: 15_000 })
    .not.toBe(etag);
  expect((await get(server.url, path, { 'If-None-Match': etag })).status).toBe(200);
  await live.stop();
});

test('outlasts its stream, for those who come back; not one that was removed', async () => {
  const ended = await publishMedia(server.url, 'ended', 'vp8');
  const etag = (await poster('ended')).headers.get('ETag');
  await ended.stop();
  await server.record('stream ended', { streamId: 'ended' });
  const after = await poster('ended');
  expect([after.status, after.headers.get('ETag')]).toEqual([200, etag]);

  const removed = await publishMedia(server.url, 'removed', 'vp8');
  expect((await poster('removed')).status).toBe(200);
  const remove = await fetch(`${server.url}/api/streams/removed`, { method: 'DELETE', headers: AS_ADMIN });
  expect(remove.status).toBe(204);
  expect((await poster('removed')).status).toBe(404);
  await removed.stop();
});

test('of a private stream: for whoever may watch it, and no answer tells whether there is one', async () => {
  const live = await publishMedia(server.url, 'board-1', 'vp8');
  const there = await poster('board-1');
  const none = await poster('board-2');
  expect([there.status, none.status]).toEqual([401, 401]);
  expect(await there.text()).toBe(await none.text());
  expect(made('board-1')).toEqual([]);
  const allowed = await poster('board-1', { Authorization: `Bearer ${WATCH}` });
  expect([allowed.status, allowed.headers.get('Cache-Control')]).toEqual([200, 'private, max-age=2']);
  await live.stop();
});

test('there is none: of nobody’s stream, of sound alone', async () => {
  const live = await publishMedia(server.url, 'sound', 'opus-only');
  for (const stream of ['nobody', 'sound', 'no%20id']) {
    const response = await poster(stream);
    expect(response.status).toBe(404);
    expect(response.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(await response.json()).toMatchObject({ status: 404, code: 'stream_not_found' });
  }
  await live.stop();
});

test('pages of other origins may show it', async () => {
  const preflight = await fetch(`${server.url}/api/streams/x/poster`, { method: 'OPTIONS' });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('Access-Control-Allow-Headers')).toBe('Authorization');
  expect((await poster('x')).headers.get('Access-Control-Allow-Origin')).toBe('*');
});

test('of an encoder that heeds no request for a key frame: once it sends one', async () => {
  const live = await publishMedia(server.url, 'heedless', 'h264-long-gop');
  // Its first key frame is over by then.
  await expect
    .poll(async () => (await fetch(`${server.url}/api/streams/heedless`)).status, { timeout: 10_000 })
    .toBe(200);
  await expect.poll(async () => (await poster('heedless')).status, { timeout: 25_000 }).toBe(200);
  await live.stop();
});

test('a phone held upright has its picture upright', async () => {
  const ivf = execFileSync(findFfmpeg(), [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180', '-frames:v', '1', '-c:v', 'libvpx'],
    ...['-f', 'ivf', 'pipe:1'],
  ]);
  // Behind the file's header and the frame's.
  const data = ivf.subarray(32 + 12);
  const size = keyFrameSize(data) ?? { width: 0, height: 0 };
  const sizes = await Promise.all(
    [0, 90, 180, 270].map(async (rotation) => {
      const format = { codec: 'VP8', ...size, rotation } as const;
      return jpegSize(await still({ data, format }, AbortSignal.timeout(10_000)));
    }),
  );
  const [wide, high] = [
    { width: 320, height: 180 },
    { width: 180, height: 320 },
  ];
  expect(sizes).toEqual([wide, high, wide, high]);
  const broken = { data: Buffer.from('nothing'), format: { codec: 'VP8', ...size, rotation: 0 } } as const;
  await expect(still(broken, AbortSignal.timeout(10_000))).rejects.toThrow('no picture came of a key frame');
  await expect(still(broken, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
});
