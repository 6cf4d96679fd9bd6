/** A live stream's picture: made of real media when asked for, once for all who ask. */
import { execFileSync } from 'node:child_process';
import { createWorker } from 'mediasoup';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFfmpeg } from '../../workers/ffmpeg/binary.ts';
import { nextKeyFrame } from '../../workers/ffmpeg/key-frame.ts';
import { keyFrameSize } from '../../workers/ffmpeg/record/vp8.ts';
import { still } from '../../workers/ffmpeg/still.ts';
import { get } from '../helpers/http.ts';
import { jpegSize } from '../helpers/jpeg.ts';
import { publishMedia } from '../helpers/live.ts';
import { Publisher, ROUTER_OPTIONS } from '../helpers/recorder-publisher.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const ADMIN = 'an-admin-key-for-tests';
const WATCH = 'a-key-to-watch-with-in-tests';
const AS_ADMIN = { Authorization: `Bearer ${ADMIN}` };

let server: TestServer;
const start = (more: Record<string, string | number> = {}) =>
  startServer({
    PHAROS_AUTH_ADMIN_KEY: ADMIN,
    PHAROS_AUTH_PRIVATE: 'board-*',
    PHAROS_AUTH_KEYS: JSON.stringify([{ name: 'board', key: WATCH, actions: ['watch'], streams: 'board-*' }]),
    PHAROS_AUTH_PUBLISH: 'local',
    PHAROS_LIMITS_PUBLISHER_GRACE: 1,
    // One for each stream in this test.
    PHAROS_POSTERS_INTERVAL: 300,
    PHAROS_LOG_LEVEL: 'debug',
    // Else none is made on a machine that is busy with other things.
    PHAROS_LIMITS_EVENT_LOOP_DELAY: 10_000,
    PHAROS_LIMITS_MAX_LOAD: 1,
    ...more,
  });
beforeAll(async () => {
  server = await start();
});
afterAll(() => server?.stop());

const poster = (stream: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/api/streams/${stream}/poster`, { headers });
/** The first one; on a busy machine whoever asks is told after a while that there is none yet. */
const first = async (stream: string, headers: Record<string, string> = {}): Promise<Response> => {
  for (;;) {
    const response = await poster(stream, headers);
    if (response.status !== 404) return response;
  }
};
const made = (stream: string) => server.records('poster made').filter(({ streamId }) => streamId === stream);

test.each(['h264', 'vp8', 'h264-high', 'h264-long-gop'] as const)('of %s', async (name) => {
  const live = await publishMedia(server.url, name, name);
  const askedAt = performance.now();
  const response = await first(name);
  const ms = Math.round(performance.now() - askedAt);
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('image/jpeg');
  expect(response.headers.get('Cache-Control')).toBe('max-age=300');
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
  const etag = (await first('storm')).headers.get('ETag');
  // Some may have been told that it was not there yet; all others got this one.
  const others = responses.filter(({ status }) => status !== 404);
  expect(others.map(({ headers }) => headers.get('ETag')).filter((each) => each !== etag)).toEqual([]);
  console.log(`${others.length} of 200 got it at once`);
  expect(made('storm')).toHaveLength(1);
  const { streams } = (await (await fetch(`${server.url}/api/streams`, { headers: AS_ADMIN })).json()) as {
    streams: { stream: string; viewers: number }[];
  };
  expect(streams).toContainEqual(expect.objectContaining({ stream: 'storm', viewers: 0 }));
  expect(server.records('stream piped')).toEqual([]);
  await live.stop();
});

test('is the same until it is time for another, and told so', { timeout: 90_000 }, async () => {
  const live = await publishMedia(server.url, 'same', 'vp8');
  const etag = (await first('same')).headers.get('ETag') ?? '';
  // fetch adds a Cache-Control that asks for all of it.
  const ask = (from: string, stream: string) =>
    get(from, `/api/streams/${stream}/poster`, { 'If-None-Match': etag });
  expect((await ask(server.url, 'same')).status).toBe(304);
  expect((await poster('same')).headers.get('ETag')).toBe(etag);
  await live.stop();

  const often = await start({ PHAROS_POSTERS_INTERVAL: 2 });
  const again = await publishMedia(often.url, 'again', 'vp8');
  const seen = new Set<string>();
  // The picture is never the same twice.
  await expect
    .poll(
      async () => {
        const { headers } = await fetch(`${often.url}/api/streams/again/poster`);
        const made = headers.get('Last-Modified');
        return made === null ? seen.size : seen.add(made).size;
      },
      { timeout: 60_000 },
    )
    .toBeGreaterThan(1);
  await again.stop();
  await often.stop();
});

test('outlasts its stream, for those who come back; not one that was removed', async () => {
  const ended = await publishMedia(server.url, 'ended', 'vp8');
  const etag = (await first('ended')).headers.get('ETag');
  await ended.stop();
  await server.record('stream ended', { streamId: 'ended' });
  const after = await poster('ended');
  expect([after.status, after.headers.get('ETag')]).toEqual([200, etag]);

  const removed = await publishMedia(server.url, 'removed', 'vp8');
  expect((await first('removed')).status).toBe(200);
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
  const allowed = await first('board-1', { Authorization: `Bearer ${WATCH}` });
  expect([allowed.status, allowed.headers.get('Cache-Control')]).toEqual([200, 'private, max-age=300']);
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

test.each(['VP8', 'H264'] as const)('of a simulcast in %s it is a middle layer', async (codec) => {
  const worker = await createWorker({ logLevel: 'error' });
  const router = await worker.createRouter(ROUTER_OPTIONS);
  const video = ['160x90', '320x180', '640x360'].map((size) => ({ codec, size }));
  const publisher = await Publisher.create({ router, video, audio: false });
  publisher.start();
  try {
    const [producer] = publisher.producers;
    if (!producer) throw new Error('no video');
    // Each layer comes when mediasoup has seen it; until then it is one below.
    await expect
      .poll(
        async () => {
          const { format } = await nextKeyFrame({ router, producer, signal: AbortSignal.timeout(10_000) });
          return `${format.width}x${format.height}`;
        },
        { timeout: 25_000 },
      )
      .toBe('320x180');
  } finally {
    publisher.close();
    worker.close();
  }
});
