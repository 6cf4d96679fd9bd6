/** Cameras that ask who one is, and cameras of somebody else, who means no good. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { authorize, chooseChallenge } from '../../server/cameras/rtsp-auth.ts';
import { headerOf, MessageReader, type RtspMessage, serialize } from '../../server/cameras/rtsp-message.ts';
import { CameraApi, ffmpegOf } from '../helpers/camera-api.ts';
import { CREDENTIALS, camera, PASSWORD, pharos, play } from '../helpers/cameras.ts';
import { watch } from '../helpers/client.ts';
import { decodeVideo } from '../helpers/decode.ts';
import { watchPackets } from '../helpers/live.ts';

const folder = mkdtempSync(join(tmpdir(), 'pharos-cameras-'));
afterAll(() => rmSync(folder, { recursive: true }));

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
