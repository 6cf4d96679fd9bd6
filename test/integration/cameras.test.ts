/** Cameras: a real RTSP server, pulled by a real ffmpeg, and what a viewer gets of it, decoded. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { authorize, chooseChallenge } from '../../server/cameras/rtsp-auth.ts';
import { headerOf, MessageReader, type RtspMessage, serialize } from '../../server/cameras/rtsp-message.ts';
import { ADMIN_KEY, CameraApi, ffmpegOf } from '../helpers/camera-api.ts';
import { capabilities, publish, TestClient, watch } from '../helpers/client.ts';
import { decodeAudio, decodeVideo } from '../helpers/decode.ts';
import { watchPackets } from '../helpers/live.ts';
import { scrape } from '../helpers/metrics.ts';
import { RtspServer, type RtspServerOptions } from '../helpers/rtsp-server.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const PASSWORD = 'hunter2#/@!';
const CREDENTIALS = `admin:${encodeURIComponent(PASSWORD)}`;
const LOOPBACK = '127.0.0.0/8';
const WRONG_PATH = /no stream at the path/;

const folder = mkdtempSync(join(tmpdir(), 'pharos-cameras-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function pharos(settings: Record<string, string | number> = {}): Promise<TestServer> {
  const server = await startServer({
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
    PHAROS_CAMERA_NETWORKS: LOOPBACK,
    ...settings,
  });
  onTestFinished(async ({ task }) => {
    await server.stop();
    if (task.result?.state === 'fail') console.log(server.output());
  });
  return server;
}

async function camera(paths: string[], options: RtspServerOptions = {}): Promise<RtspServer> {
  const rtsp = await RtspServer.start(paths, options);
  onTestFinished(() => rtsp.stop());
  return rtsp;
}

/** What a viewer sees and hears in two seconds. */
async function play(server: TestServer, stream: string, tracks: { video: boolean; audio: boolean }) {
  const viewer = await watchPackets(server.url, stream);
  const [video, audio] = await Promise.all([
    tracks.video ? viewer.seconds('video', 2) : [],
    tracks.audio ? viewer.seconds('audio', 2) : [],
  ]);
  await viewer.stop();
  return {
    picture: tracks.video ? await decodeVideo('H264', video) : undefined,
    // The last second: in the first, the sound finds its place beside the picture.
    sound: tracks.audio ? await decodeAudio(audio.slice(-50)) : undefined,
  };
}

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

describe('a camera that fails', () => {
  async function live(rtsp: RtspServer, path = 'baseline+pcmu'): Promise<TestServer> {
    const server = await pharos({
      PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url: rtsp.url(path), onDemand: false }]),
    });
    await server.record('camera live');
    return server;
  }

  const again = (server: TestServer, times = 2) =>
    expect.poll(() => server.records('camera live').length, { timeout: 20_000 }).toBe(times);

  test('and is killed plays again when it is back, to the same viewer', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    const { client, answer } = await watch(server.wsUrl, 'door');
    expect(answer.state).toBe('live');
    await rtsp.stop();
    expect(await client.event('away')).toMatchObject({ reason: 'media_lost' });
    expect(await client.event('notice')).toMatchObject({ notice: { code: 'source_unreachable' } });
    await expect
      .poll(async () => (await new CameraApi(server).get('door')).error, { timeout: 10_000 })
      .toContain('refuses connections on this port');
    await camera(['baseline+pcmu'], { port: rtsp.port });
    expect((await client.event('tracks')).consumers).toHaveLength(2);
    await again(server);
    const { picture, sound } = await play(server, 'door', { video: true, audio: true });
    expect(picture?.errors).toEqual([]);
    expect(sound?.errors).toEqual([]);
  });

  test('and freezes, connections open, is pulled anew', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    const pid = server.process.pid ?? 0;
    const [before] = ffmpegOf(pid);
    const frozen = performance.now();
    rtsp.suspend();
    await server.record('camera retrying', { error: 'the camera has sent nothing for 5 s' });
    expect(performance.now() - frozen).toBeLessThan(7500);
    expect((await scrape(server.url)).value('pharos_cameras', { state: 'retrying' })).toBe(1);
    rtsp.resume();
    await again(server);
    const { value } = await scrape(server.url);
    expect(value('pharos_ffmpeg_restarts_total', { purpose: 'camera' })).toBe(1);
    expect(value('pharos_joins_total', { kind: 'publish', protocol: 'rtp' })).toBe(2);
    expect(value('pharos_publishers', { protocol: 'rtp' })).toBe(1);
    expect(value('pharos_cameras', { state: 'live' })).toBe(1);
    await expect.poll(() => ffmpegOf(pid), { timeout: 5000 }).toHaveLength(1);
    expect(ffmpegOf(pid)[0]?.pid).not.toBe(before?.pid);
  });

  test('and whose picture stands while its sound goes on is pulled anew', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    rtsp.freeze('video');
    await server.record('camera retrying', { error: 'the camera has sent nothing for 5 s' });
    rtsp.thaw('video');
    await again(server);
  });

  test('and whose sound ceases goes on', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    rtsp.freeze('audio');
    const viewer = await watchPackets(server.url, 'door');
    await viewer.seconds('video', 8);
    await viewer.stop();
    expect(server.records('camera retrying')).toHaveLength(0);
  });

  test('and whose clock is set back is pulled anew', async () => {
    // GStreamer begins its time anew for all when another client comes.
    const rtsp = await camera(['baseline'], { shared: true });
    const server = await live(rtsp, 'baseline');
    const viewer = await watchPackets(server.url, 'door');
    await viewer.seconds('video', 3);
    await viewer.stop();
    execFileSync('ffprobe', ['-v', 'error', '-rtsp_transport', 'tcp', rtsp.url('baseline')]);
    await server.record('camera retrying', { error: "the camera's clock jumped" });
    await again(server);
  });

  test('because its media worker died plays again on the next one', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    for (const { pid } of server.records('media worker up')) process.kill(Number(pid), 'SIGKILL');
    await server.record('camera retrying', { error: 'the media worker failed; it begins again' });
    await again(server);
    const { picture } = await play(server, 'door', { video: true, audio: false });
    expect(picture?.errors).toEqual([]);
  });

  test('does not disturb another stream', async () => {
    const [one, other] = await Promise.all([camera(['baseline']), camera(['baseline'])]);
    const server = await pharos({
      PHAROS_CAMERAS: JSON.stringify([
        { stream: 'one', url: one.url('baseline'), onDemand: false },
        { stream: 'other', url: other.url('baseline'), onDemand: false },
      ]),
    });
    await server.record('camera live', { streamId: 'one' });
    await server.record('camera live', { streamId: 'other' });
    const viewer = await watchPackets(server.url, 'other');
    await viewer.seconds('video', 1);
    await one.stop();
    await server.record('camera retrying', { streamId: 'one' });
    viewer.of.video.length = 0;
    await viewer.seconds('video', 2);
    await viewer.stop();
    expect(server.records('camera retrying').every(({ streamId }) => streamId === 'one')).toBe(true);
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

describe('credentials', () => {
  test.each([
    ['basic', 'tcp'],
    ['digest', 'tcp'],
    ['digest', 'udp'],
  ] as const)('%s over %s: it plays, and they are seen nowhere', async (auth, transport) => {
    const rtsp = await camera(['baseline+pcmu'], { auth, user: 'admin', password: PASSWORD });
    const url = `${rtsp.url('baseline+pcmu', { credentials: CREDENTIALS })}`;
    const server = await pharos({
      PHAROS_LOG_LEVEL: 'trace',
      PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url, transport }]),
    });
    const viewer = await watchPackets(server.url, 'door');
    expect((await decodeVideo('H264', await viewer.seconds('video', 2))).errors).toEqual([]);
    const processes = ffmpegOf(server.process.pid ?? 0);
    expect(processes).toHaveLength(1);
    const seen = [
      server.output(),
      JSON.stringify(await new CameraApi(server).list()),
      ...processes.map(({ text }) => text),
    ].join('\n');
    expect(seen).toContain(`rtsp://127.0.0.1:${rtsp.port}`);
    expect(seen).not.toMatch(/hunter2|admin:|baseline\+pcmu/);
    await viewer.stop();
  });

  test('that are wrong are told as that, and not tried again and again', async () => {
    const rtsp = await camera(['baseline'], { auth: 'digest', user: 'admin', password: PASSWORD });
    const server = await pharos({
      PHAROS_LOG_LEVEL: 'trace',
      PHAROS_CAMERAS: JSON.stringify([
        { stream: 'wrong', url: rtsp.url('baseline', { credentials: 'admin:wrong-password' }) },
        { stream: 'none', url: rtsp.url('baseline') },
      ]),
    });
    const { client } = await watch(server.wsUrl, 'wrong');
    expect((await client.event('notice')).notice).toMatchObject({
      code: 'source_refused',
      message: 'the camera does not accept this user name and password',
    });
    await client.close();
    const { client: other } = await watch(server.wsUrl, 'none');
    expect((await other.event('notice')).notice?.message).toContain('asks for a user name and a password');
    const { answer } = await watch(server.wsUrl, 'wrong');
    expect(answer).toMatchObject({ notice: { code: 'source_refused' } });
    expect(server.records('camera failed')).toHaveLength(2);
    expect(server.output()).not.toContain('wrong-password');
  });

  test('over TLS', async () => {
    const pem = join(folder, 'camera.pem');
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const kind = ['-x509', '-newkey', 'rsa:2048', '-subj', '/CN=camera', '-days', '2', '-nodes'];
    execFileSync('openssl', ['req', ...kind, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    writeFileSync(pem, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'));
    const rtsp = await camera(['baseline'], {
      auth: 'basic',
      user: 'admin',
      password: PASSWORD,
      certificate: pem,
    });
    const url = rtsp.url('baseline', { credentials: CREDENTIALS, scheme: 'rtsps' });
    const server = await pharos({ PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url }]) });
    const { picture } = await play(server, 'door', { video: true, audio: false });
    expect(picture).toMatchObject({ size: '320x240', errors: [] });
  });
});

describe('a camera of somebody else', () => {
  const SDP =
    'v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n';

  async function listen(onSocket: (socket: Socket) => void): Promise<number> {
    const listener = createServer(onSocket).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    onTestFinished(() => void listener.close());
    return (listener.address() as AddressInfo).port;
  }

  test('that leads ffmpeg elsewhere does not get it there', async () => {
    let reached = 0;
    const inner = await listen((socket) => {
      reached += 1;
      socket.destroy();
    });
    let asked = 0;
    const port = await listen((socket) => {
      const reader = new MessageReader();
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        for (const item of reader.push(chunk)) {
          if (Buffer.isBuffer(item)) continue;
          const head = `CSeq: ${headerOf(item, 'cseq')}\r\n`;
          if (item.firstLine.startsWith('OPTIONS'))
            socket.write(`RTSP/1.0 200 OK\r\n${head}Public: DESCRIBE\r\n\r\n`);
          else if (asked++ === 0)
            socket.write(`RTSP/1.0 200 OK\r\n${head}Content-Length: ${SDP.length}\r\n\r\n${SDP}`);
          else
            socket.write(`RTSP/1.0 302 Found\r\n${head}Location: rtsp://127.0.0.1:${inner}/secret\r\n\r\n`);
        }
      });
    });
    const server = await pharos({
      PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url: `rtsp://127.0.0.1:${port}/`, onDemand: false }]),
    });
    const { error } = await server.record('camera failed');
    expect(error).toContain('redirects to another address (302), which is not followed');
    expect(asked).toBe(2);
    expect(reached).toBe(0);
  });

  test('that takes SHA-256 alone plays, though ffmpeg does not know it', async () => {
    const rtsp = await camera(['baseline']);
    const challenge = 'Digest realm="cam", nonce="abc", algorithm=SHA-256, qop="auth"';
    const port = await listen((socket) => {
      const reader = new MessageReader();
      const inner = connect(rtsp.port, '127.0.0.1');
      for (const end of [socket, inner]) end.on('error', () => undefined);
      inner.pipe(socket);
      socket.on('close', () => inner.destroy());
      socket.on('data', (chunk) => {
        for (const item of reader.push(chunk)) {
          const message = Buffer.isBuffer(item) ? undefined : item;
          if (message && !isAuthorized(message, challenge)) {
            const head = `CSeq: ${headerOf(message, 'cseq')}\r\nWWW-Authenticate: ${challenge}\r\n\r\n`;
            socket.write(`RTSP/1.0 401 Unauthorized\r\n${head}`);
          } else {
            inner.write(message ? serialize(message) : (item as Buffer));
          }
        }
      });
    });
    const url = `rtsp://${CREDENTIALS}@127.0.0.1:${port}/baseline`;
    const server = await pharos({ PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url }]) });
    const { picture } = await play(server, 'door', { video: true, audio: false });
    expect(picture).toMatchObject({ size: '320x240', errors: [] });
  });

  function isAuthorized(message: RtspMessage, offer: string): boolean {
    const given = headerOf(message, 'authorization') ?? '';
    const [method = '', uri = ''] = message.firstLine.split(' ');
    const challenge = chooseChallenge([offer]);
    const count = Number.parseInt(/nc=(\w+)/.exec(given)?.[1] ?? '', 16);
    const cnonce = /cnonce="(\w+)"/.exec(given)?.[1];
    if (!challenge || !cnonce) return false;
    return (
      given ===
      authorize(challenge, { username: 'admin', password: PASSWORD }, { method, uri, count }, cnonce)
    );
  }
});

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
