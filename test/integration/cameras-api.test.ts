import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, CameraApi, ffmpegOf } from '../helpers/camera-api.ts';
import { publish, watch } from '../helpers/client.ts';
import { watchPackets } from '../helpers/live.ts';
import { RtspServer } from '../helpers/rtsp-server.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const WRONG_PATH = /no stream at the path/;

const folder = mkdtempSync(join(tmpdir(), 'pharos-cameras-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the API', () => {
  let rtsp: RtspServer;
  let server: TestServer;
  let api: CameraApi;
  const dataDirectory = join(folder, 'data');
  const start = () =>
    startServer({
      PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
      PHAROS_CAMERA_NETWORKS: '127.0.0.1',
      PHAROS_DATA_DIRECTORY: dataDirectory,
      PHAROS_LIMITS_CAMERAS: 4,
      PHAROS_CAMERAS: JSON.stringify([{ stream: 'fixed', url: rtsp.url('baseline') }]),
    });

  beforeAll(async () => {
    rtsp = await RtspServer.start(['baseline', 'h265', 'bframes']);
    server = await start();
    api = new CameraApi(server);
  });
  afterAll(async () => {
    await Promise.all([server.stop(), rtsp.stop()]);
  });

  async function refused(body: unknown): Promise<{ status: number; code: string; detail: string }> {
    const response = await api.request('POST', '', body);
    expect(response.headers.get('Content-Type')).toContain('application/problem+json');
    const text = await response.text();
    expect(text).not.toContain('hunter2');
    return { ...JSON.parse(text), status: response.status };
  }

  test('needs the admin key', async () => {
    for (const key of ['', 'wrong', 'x'.repeat(5000)]) {
      const response = await api.request('GET', '', undefined, key);
      expect(response.status).toBe(401);
      expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
      expect(await response.json()).toMatchObject({ code: 'unauthorized' });
    }
    expect((await api.request('POST', '', { stream: 'a', url: rtsp.url('baseline') }, '')).status).toBe(401);
    expect((await api.request('DELETE', '/fixed', undefined, 'wrong')).status).toBe(401);
    expect(await api.list()).toHaveLength(1);
  });

  test('adds, lists, plays, removes', async () => {
    const url = `rtsp://me:hunter2@127.0.0.1:${rtsp.port}/baseline?hunter2`;
    const response = await api.request('POST', '', { stream: 'new', url });
    expect(response.status).toBe(201);
    expect(response.headers.get('Location')).toBe('/api/cameras/new');
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      stream: 'new',
      url: `rtsp://127.0.0.1:${rtsp.port}`,
      onDemand: true,
      transport: 'tcp',
      transcode: 'never',
      source: 'api',
      state: 'idle',
    });
    expect(text).not.toContain('hunter2');
    expect((await api.list()).map(({ stream, source }) => [stream, source])).toEqual([
      ['fixed', 'config'],
      ['new', 'api'],
    ]);

    const { client } = await watch(server.wsUrl, 'new');
    await client.event('live');
    await server.record('camera live', { streamId: 'new' });
    expect((await api.request('DELETE', '/new')).status).toBe(204);
    expect(await client.event('ended')).toMatchObject({ reason: 'stopped', waiting: true });
    await expect.poll(() => ffmpegOf(server.process.pid ?? 0), { timeout: 2000 }).toHaveLength(0);
    expect((await api.request('DELETE', '/new')).status).toBe(404);
    expect((await api.request('GET', '/new')).status).toBe(404);
    await client.close();
  });

  test('a camera of the configuration stays', async () => {
    const response = await api.request('DELETE', '/fixed');
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining('is in the configuration'),
    });
  });

  test('those added are there after a restart', async () => {
    const url = `rtsp://me:hunter2@127.0.0.1:${rtsp.port}/baseline`;
    await api.add({ stream: 'kept', url, transport: 'udp' });
    expect(statSync(join(dataDirectory, 'cameras.json')).mode & 0o777).toBe(0o600);
    await server.stop();
    server = await start();
    api = new CameraApi(server);
    expect(await api.get('kept')).toMatchObject({ source: 'api', transport: 'udp' });
    const viewer = await watchPackets(server.url, 'kept');
    await viewer.seconds('video', 1);
    await viewer.stop();
    expect((await api.request('DELETE', '/kept')).status).toBe(204);
    expect(readFileSync(join(dataDirectory, 'cameras.json'), 'utf8')).not.toContain('hunter2');
  });

  test.each([
    [{ stream: 'a b', url: 'rtsp://x/' }, /^stream: it must be 1 to 64 letters/],
    [{ stream: 'a', url: 'http://me:hunter2@x/' }, /^url: it must be an rtsp:\/\/ or rtsps:/],
    [{ stream: 'a', url: 'rtsp://me:hunter2#@x/' }, /^url: it must be/],
    [{ stream: 'a', url: 'file:///etc/passwd' }, /^url: it must be/],
    [{ stream: 'a' }, /^url: it must be/],
    [{ stream: 'a', url: 'rtsp://x/', onDemand: 'yes' }, /^onDemand: it must be true or false/],
    [{ stream: 'a', url: 'rtsp://x/', transport: 'hunter2' }, /^transport: it must be "tcp" or "udp"/],
    [{ stream: 'a', url: 'rtsp://x/', transcode: true }, /^transcode: it must be "never" or "auto"/],
    [{ stream: 'a', url: 'rtsp://x/', pass: 'hunter2' }, /^there is no field "pass"/],
    [[], /^the body must be a JSON object/],
    ['{"stream":', /was not understood/],
  ])('400 for %o', async (body, detail) => {
    expect(await refused(body)).toMatchObject({ status: 400, detail: expect.stringMatching(detail) });
  });

  test.each([
    'rtsp://169.254.169.254/latest/meta-data',
    'rtsp://[::1]:22/',
    'rtsp://[::ffff:10.0.0.1]/',
    'rtsp://[::ffff:7f00:2]:6379/',
    'rtsp://192.168.1.1/',
    'rtsp://2130706434/',
    'rtsp://me:hunter2@10.0.0.1/',
  ])('no way into private networks: %s', async (url) => {
    const problem = await refused({ stream: 'a', url });
    expect(problem).toMatchObject({ status: 400, code: 'bad_request' });
    expect(problem.detail).toContain('name it in cameraNetworks');
  });

  test('what the camera says is told at once', async () => {
    const add = (path: string, more = {}) => refused({ stream: 'a', url: rtsp.url(path), ...more });
    expect(await add('nothing')).toMatchObject({ status: 400, detail: expect.stringMatching(WRONG_PATH) });
    expect(await add('h265')).toMatchObject({
      code: 'unsupported_codec',
      detail: expect.stringContaining('sends H.265'),
    });
    // One that is off is added.
    const off = await api.add({ stream: 'off', url: 'rtsp://127.0.0.1:1/' });
    expect(off.state).toBe('idle');
    await api.request('DELETE', '/off');
  });

  test('a stream that is in use, either way', async () => {
    const { client } = await publish(server.wsUrl, { stream: 'taken' });
    const url = rtsp.url('baseline');
    expect(await refused({ stream: 'taken', url })).toMatchObject({ status: 409, code: 'stream_in_use' });
    expect(await refused({ stream: 'fixed', url })).toMatchObject({ status: 409, code: 'stream_in_use' });
    await client.close();
    await expect(publish(server.wsUrl, { stream: 'fixed' })).rejects.toThrow('stream_in_use');
  });

  test('not more than there may be', async () => {
    const url = rtsp.url('baseline');
    for (const stream of ['a', 'b', 'c']) await api.add({ stream, url });
    expect(await refused({ stream: 'd', url })).toMatchObject({ status: 503, code: 'server_full' });
    for (const stream of ['a', 'b', 'c']) await api.request('DELETE', `/${stream}`);
  });

  test('other methods', async () => {
    const response = await api.request('PUT', '/fixed');
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')).toBe('GET, DELETE');
    expect((await api.request('PATCH')).headers.get('Allow')).toBe('GET, POST');
  });

  test('guessing keys is slow', async () => {
    const statuses = [];
    for (let i = 0; i < 15; i++)
      statuses.push((await api.request('GET', '', undefined, `guess-${i}`)).status);
    expect(statuses).toContain(429);
    // The right one is then not looked at either, or guessing would go on.
    expect((await api.request('GET')).status).toBe(429);
  });
});
