import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, CameraApi, ffmpegOf } from '../helpers/camera-api.ts';
import { camera, pharos, play } from '../helpers/cameras.ts';
import { capabilities, TestClient, watch } from '../helpers/client.ts';
import { watchPackets } from '../helpers/live.ts';
import { RtspServer } from '../helpers/rtsp-server.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

describe('what plays', () => {
  const AUTO = { transcode: 'auto' };
  const CASES: [
    path: string,
    settings: Record<string, unknown>,
    tracks: { video?: string; audio?: string },
  ][] = [
    ['baseline', {}, { video: 'copy' }],
    ['high+aac', {}, { video: 'copy', audio: 'encode' }],
    ['baseline+aac16k', { transport: 'udp' }, { video: 'copy', audio: 'encode' }],
    ['baseline+pcmu', {}, { video: 'copy', audio: 'encode' }],
    ['high+pcma', { transport: 'udp' }, { video: 'copy', audio: 'encode' }],
    ['inband+opus', {}, { video: 'copy', audio: 'copy' }],
    ['amid+pcmu', {}, { video: 'copy', audio: 'encode' }],
    ['+opus', {}, { audio: 'copy' }],
    ['h265+aac', AUTO, { video: 'encode', audio: 'encode' }],
    ['mjpeg', AUTO, { video: 'encode' }],
    ['bframes+opus', AUTO, { video: 'encode', audio: 'copy' }],
  ];
  const streamOf = (path: string) => path.replace('+', '_');
  let rtsp: RtspServer;
  let server: TestServer;
  let api: CameraApi;

  beforeAll(async () => {
    rtsp = await RtspServer.start(CASES.map(([path]) => path));
    const cameras = CASES.map(([path, settings]) => ({
      stream: streamOf(path),
      url: rtsp.url(path),
      ...settings,
    }));
    server = await startServer({
      PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
      PHAROS_CAMERAS: JSON.stringify(cameras),
    });
    api = new CameraApi(server);
  });
  afterAll(async () => {
    await Promise.all([server.stop(), rtsp.stop()]);
  });

  test.each(CASES)('%s %o', async (path, _settings, tracks) => {
    const stream = streamOf(path);
    expect((await api.get(stream)).state).toBe('idle');
    const played = await play(server, stream, { video: 'video' in tracks, audio: 'audio' in tracks });
    if (tracks.video) {
      expect(played.picture).toMatchObject({ size: '320x240', errors: [] });
      expect(played.picture?.frames).toBeGreaterThanOrEqual(45);
    }
    if (tracks.audio) {
      const [left] = played.sound?.channels ?? [];
      expect(played.sound?.errors).toEqual([]);
      expect(played.sound?.seconds).toBeGreaterThanOrEqual(0.9);
      expect(left?.level).toBeGreaterThan(0.1);
      expect(left?.frequency).toBeCloseTo(440, -1);
    }
    expect(await api.get(stream)).toMatchObject({ state: 'live', error: null, tracks });
  });

  test('a viewer who comes later has a picture with the next key frame', async () => {
    const first = await watchPackets(server.url, 'baseline');
    await first.seconds('video', 1);
    const { picture } = await play(server, 'baseline', { video: true, audio: false });
    expect(picture).toMatchObject({ size: '320x240', errors: [] });
    await first.stop();
  });
});

describe('on demand', () => {
  test('with the first viewer it begins, ten seconds after the last its process is gone', async () => {
    const rtsp = await camera(['baseline']);
    const server = await pharos({
      PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url: rtsp.url('baseline') }]),
    });
    const pid = server.process.pid ?? 0;
    expect(ffmpegOf(pid)).toHaveLength(0);
    const { client, answer } = await watch(server.wsUrl, 'door');
    expect(answer.state).toBe('waiting');
    await client.event('live');
    await server.record('camera live', { streamId: 'door' });
    expect(ffmpegOf(pid)).toHaveLength(1);
    const left = performance.now();
    await client.close();
    await server.record('camera idle', { streamId: 'door' });
    expect(performance.now() - left).toBeGreaterThan(9900);
    await expect.poll(() => ffmpegOf(pid), { timeout: 2000 }).toHaveLength(0);
  });

  test('one that is pulled always is live before anybody comes', async () => {
    const rtsp = await camera(['baseline']);
    const server = await pharos({
      PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url: rtsp.url('baseline'), onDemand: false }]),
    });
    await server.record('camera live', { streamId: 'door' });
    const { answer } = await watch(server.wsUrl, 'door');
    expect(answer.state).toBe('live');
  });
});

describe('what browsers cannot play', () => {
  test.each([
    ['h265', 'source_unsupported', /sends H\.265.*set it to H\.264, or .*"transcode" to "auto"/],
    ['bframes', 'b_frames', /sends B-frames.*set B-frames to 0.*"transcode" to "auto"/],
  ])('%s is told to viewers, in the API and in the log', async (path, code, message) => {
    const rtsp = await camera([path]);
    const server = await pharos({
      PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url: rtsp.url(path) }]),
    });
    const client = await TestClient.connect(server.wsUrl);
    await client.request('watch', { stream: 'door', rtpCapabilities: await capabilities(client) });
    const { notice } = await client.event('notice');
    expect(notice).toEqual({ code, message: expect.stringMatching(message) });
    const status = await new CameraApi(server).get('door');
    expect(status).toMatchObject({ state: 'failed', error: expect.stringMatching(message) });
    await server.record('camera failed', { streamId: 'door', error: status.error });
    // Whoever comes later is told at once.
    const { answer } = await watch(server.wsUrl, 'door');
    expect(answer).toMatchObject({ state: 'waiting', notice: { code } });
  });
});

test('the processes are gone when the server is, however it ends', async () => {
  const rtsp = await camera(['baseline']);
  const cameras = JSON.stringify([{ stream: 'door', url: rtsp.url('baseline'), onDemand: false }]);
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const server = await pharos({ PHAROS_CAMERAS: cameras });
    await server.record('camera live');
    const [child] = ffmpegOf(server.process.pid ?? 0);
    expect(child).toBeDefined();
    await server.stop(signal);
    const alive = () => {
      try {
        return readFileSync(`/proc/${child?.pid}/cmdline`, 'utf8').includes('ffmpeg');
      } catch {
        return false;
      }
    };
    await expect.poll(alive, { timeout: 5000 }).toBe(false);
  }
});
