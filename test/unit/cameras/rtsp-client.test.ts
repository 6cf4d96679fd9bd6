import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { parseCameraUrl } from '../../../server/base/camera-url.ts';
import { authorize, chooseChallenge } from '../../../server/cameras/rtsp-auth.ts';
import { describe as ask } from '../../../server/cameras/rtsp-client.ts';

const SDP = 'v=0\r\nm=video 0 RTP/AVP 96\r\n';
const OK = `RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`;

let server: Server | undefined;
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
});

/** Answers the nth request with what `answer` gives for it, or not at all. */
async function serve(
  answer: (request: string, nth: number, socket: Socket) => string | undefined,
): Promise<number> {
  server = createServer((socket) => onConnection(socket, answer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function onConnection(
  socket: Socket,
  answer: (request: string, nth: number, socket: Socket) => string | undefined,
): void {
  sockets.add(socket);
  socket.on('error', () => undefined);
  let nth = 0;
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
    for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
      const reply = answer(text.slice(0, end), nth++, socket);
      text = text.slice(end + 4);
      if (reply !== undefined) socket.write(reply);
    }
  });
}

function describeAt(
  port: number,
  { credentials = '', path = '/live?x=1', timeoutMs = 2000, scheme = 'rtsp' } = {},
) {
  const url = parseCameraUrl(`${scheme}://${credentials}127.0.0.1:${port}${path}`);
  if (!url) throw new Error('no address');
  return ask({ url, address: '127.0.0.1' }, { timeoutMs });
}

const status = (line: string, ...headers: string[]) => `RTSP/1.0 ${[line, ...headers].join('\r\n')}\r\n\r\n`;

test('asks for the SDP, once', async () => {
  const requests: string[] = [];
  const port = await serve((request) => {
    requests.push(request);
    return OK;
  });
  expect(await describeAt(port)).toBe(SDP);
  expect(requests).toEqual([
    `DESCRIBE rtsp://127.0.0.1:${port}/live?x=1 RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Pharos\r\nAccept: application/sdp`,
  ]);
});

describe('authentication', () => {
  const credentials = 'me:hunter2@';
  const known = { username: 'me', password: 'hunter2' };

  test('Basic, and credentials only when they are asked for', async () => {
    const seen: string[] = [];
    const port = await serve((request, nth) => {
      seen.push(request);
      return nth === 0 ? status('401 Unauthorized', 'WWW-Authenticate: Basic realm="cam"') : OK;
    });
    expect(await describeAt(port, { credentials })).toBe(SDP);
    expect(seen[0]).not.toContain('Authorization');
    expect(seen[1]).toContain(`Authorization: Basic ${Buffer.from('me:hunter2').toString('base64')}`);
    expect(seen.join()).not.toContain('hunter2');
  });

  test('Digest with SHA-256, where MD5 is offered too', async () => {
    const offers = [
      'Digest realm="cam", nonce="n1", algorithm=MD5',
      'Digest realm="cam", nonce="n1", algorithm=SHA-256, qop="auth"',
    ];
    const port = await serve((request, nth) => {
      if (nth === 0)
        return status('401 Unauthorized', ...offers.map((offer) => `WWW-Authenticate: ${offer}`));
      const given = /Authorization: (.*)/.exec(request)?.[1] ?? '';
      const cnonce = /cnonce="(\w+)"/.exec(given)?.[1];
      const challenge = chooseChallenge(offers.slice(1));
      const uri = `rtsp://127.0.0.1:${port}/live?x=1`;
      const expected = challenge && authorize(challenge, known, { method: 'DESCRIBE', uri }, cnonce);
      return given === expected ? OK : status('401 Unauthorized');
    });
    expect(await describeAt(port, { credentials })).toBe(SDP);
  });

  test.each([
    ['no credentials', '', 'Basic realm="c"', 'asks for a user name and a password'],
    ['wrong credentials', credentials, 'Basic realm="c"', 'does not accept this user name and password'],
    ['an unknown kind', credentials, 'Kerberos', 'a kind of authentication that is not known'],
  ])('%s', async (_what, given, offer, message) => {
    let requests = 0;
    const port = await serve(() => {
      requests += 1;
      return status('401 Unauthorized', `WWW-Authenticate: ${offer}`);
    });
    await expect(describeAt(port, { credentials: given })).rejects.toMatchObject({
      code: 'source_refused',
      passing: false,
      message: expect.stringContaining(message),
    });
    // Cameras lock users out after a few wrong passwords.
    expect(requests).toBeLessThanOrEqual(2);
  });
});

describe('what else may be wrong', () => {
  test.each([
    ['404 Not Found', 'source_refused', 'no stream at the path'],
    ['403 Forbidden', 'source_refused', 'does not allow'],
    ['302 Moved', 'source_refused', 'redirects to another address (302), which is not followed'],
    ['453 Not Enough Bandwidth', 'source_unreachable', 'it answered 453'],
    ['503 Service Unavailable', 'source_unreachable', 'too many clients'],
  ])('%s', async (line, code, message) => {
    const port = await serve(() => status(line, 'Location: rtsp://me:hunter2@10.0.0.1/'));
    const asked = describeAt(port);
    await expect(asked).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      passing: code === 'source_unreachable',
    });
    await expect(asked).rejects.not.toMatchObject({ message: expect.stringMatching(/hunter2|10\.0/) });
  });

  test.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['anything', '\u0000\u0001\u0002\n'],
    ['an endless header', `RTSP/1.0 200 OK\r\n${'X: y\r\n'.repeat(10_000)}`],
    ['a huge SDP', `RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n`],
  ])('%s is no camera', async (_what, answer) => {
    const port = await serve(() => answer);
    await expect(describeAt(port)).rejects.toMatchObject({
      code: 'source_refused',
      message: 'what answers at this address is no RTSP camera',
    });
  });

  test('one that never answers, or ever so slowly', async () => {
    const silent = await serve(() => undefined);
    const fault = { code: 'source_unreachable', message: 'the camera did not answer within 0.2 s' };
    await expect(describeAt(silent, { timeoutMs: 200 })).rejects.toMatchObject(fault);
    server?.close();
    const slow = await serve((_request, _nth, socket) => {
      const drip = setInterval(() => socket.write('X'), 20);
      socket.once('close', () => clearInterval(drip));
      return 'RTSP/1.0 200 OK\r\nX: ';
    });
    await expect(describeAt(slow, { timeoutMs: 200 })).rejects.toMatchObject(fault);
  });

  test('one that hangs up, and one that is not there', async () => {
    const port = await serve((_request, _nth, socket) => {
      socket.destroy();
      return undefined;
    });
    await expect(describeAt(port)).rejects.toMatchObject({ message: 'the camera closed the connection' });
    server?.close();
    await expect(describeAt(port)).rejects.toMatchObject({
      code: 'source_unreachable',
      passing: true,
      message: expect.stringContaining('refuses connections on this port'),
    });
  });

  test('a caller that has lost interest', async () => {
    const port = await serve(() => undefined);
    const url = parseCameraUrl(`rtsp://127.0.0.1:${port}/`);
    if (!url) throw new Error('no address');
    const controller = new AbortController();
    const asked = ask({ url, address: '127.0.0.1' }, { timeoutMs: 5000, signal: controller.signal });
    controller.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('over TLS', () => {
  test('with whatever certificate, as cameras have it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pharos-rtsps-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const subject = ['-subj', '/CN=camera', '-days', '2', '-nodes'];
    execFileSync('openssl', [...request, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const options = { key: readFileSync(key), cert: readFileSync(cert) };
    server = createTlsServer(options, (socket) => onConnection(socket, () => OK)).listen(0, '127.0.0.1');
    rmSync(folder, { recursive: true });
    await once(server, 'listening');
    expect(await describeAt((server.address() as AddressInfo).port, { scheme: 'rtsps' })).toBe(SDP);
  });

  test('a camera that speaks none', async () => {
    const port = await serve(() => OK);
    server?.on('connection', (socket: Socket) => socket.write('RTSP/1.0 400 Bad Request\r\n\r\n'));
    await expect(describeAt(port, { scheme: 'rtsps' })).rejects.toMatchObject({
      message: 'the camera does not speak TLS on this port; try rtsp://',
    });
  });
});
