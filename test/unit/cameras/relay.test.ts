import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCameraUrl } from '../../../server/base/camera-url.ts';
import { RtspRelay } from '../../../server/cameras/relay.ts';
import { authorize, chooseChallenge } from '../../../server/cameras/rtsp-auth.ts';
import {
  headerOf,
  MessageReader,
  type RtspMessage,
  serialize,
  statusOf,
} from '../../../server/cameras/rtsp-message.ts';

const PATH = '/live?key=hunter2';
const USER = { username: 'me', password: 'hunter2' };
const FRAME = Buffer.concat([Buffer.from([0x24, 0, 0, 8]), Buffer.alloc(8, 7)]);

/** One end of a connection, which keeps what comes. */
class End {
  readonly socket: Socket;
  readonly received: (RtspMessage | Buffer)[] = [];
  readonly #reader = new MessageReader();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.received.push(...this.#reader.push(chunk)));
    socket.on('error', () => undefined);
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? `${text.replaceAll('\n', '\r\n')}\r\n\r\n` : text);
  }

  /** The nth message, once it is there. */
  async message(nth = 0): Promise<RtspMessage> {
    await expect.poll(() => this.received.filter((item) => !Buffer.isBuffer(item))).toHaveLength(nth + 1);
    return this.received.filter((item) => !Buffer.isBuffer(item))[nth] as RtspMessage;
  }
}

let server: Server;
let relay: RtspRelay;
let port: number;
const ends: End[] = [];

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  const url = parseCameraUrl(`rtsp://me:hunter2@127.0.0.1:${port}${PATH}`);
  if (!url) throw new Error('no address');
  relay = await RtspRelay.create({ url, address: '127.0.0.1' });
});
afterEach(() => {
  relay.close();
  for (const { socket } of ends.splice(0)) socket.destroy();
  server.close();
});

function reach(url = relay.url): End {
  const { port: own } = new URL(url.replace('rtsp:', 'http:'));
  const end = new End(connect({ host: '127.0.0.1', port: Number(own) }));
  ends.push(end);
  return end;
}

async function camera(): Promise<End> {
  const [socket] = await once(server, 'connection');
  const end = new End(socket);
  ends.push(end);
  return end;
}

/** ffmpeg's first request, and the camera's end of it. */
async function begin(
  request = `DESCRIBE ${relay.url} RTSP/1.0\nCSeq: 1`,
): Promise<{ client: End; cam: End }> {
  const client = reach();
  const arrived = camera();
  client.send(request);
  const cam = await arrived;
  await cam.message();
  return { client, cam };
}

const real = (rest = '') => `rtsp://127.0.0.1:${port}${PATH}${rest}`;

describe('between ffmpeg and the camera', () => {
  test('the camera sees its own address, ffmpeg nothing of it but what the camera says', async () => {
    const { client, cam } = await begin();
    expect((await cam.message()).firstLine).toBe(`DESCRIBE ${real()} RTSP/1.0`);
    cam.send('RTSP/1.0 200 OK\nCSeq: 1\nContent-Length: 3');
    cam.socket.write('v=0');
    expect((await client.message()).body.toString()).toBe('v=0');
    client.send(`SETUP ${relay.url}/trackID=1 RTSP/1.0\nCSeq: 2`);
    expect((await cam.message(1)).firstLine).toBe(`SETUP ${real('/trackID=1')} RTSP/1.0`);
    client.send(`PLAY ${real()} RTSP/1.0\nCSeq: 3`);
    expect((await cam.message(2)).firstLine).toBe(`PLAY ${real()} RTSP/1.0`);
  });

  test('media passes as it is, both ways', async () => {
    const { client, cam } = await begin();
    cam.send(Buffer.concat([FRAME, FRAME]));
    await expect
      .poll(() => Buffer.concat(client.received as Buffer[]))
      .toEqual(Buffer.concat([FRAME, FRAME]));
    client.send(FRAME);
    await expect.poll(() => cam.received.at(-1)).toEqual(FRAME);
  });

  test('media over UDP is answered to the camera, whatever the camera names', async () => {
    const { client, cam } = await begin(`SETUP ${relay.url} RTSP/1.0\nCSeq: 1`);
    cam.send(
      'RTSP/1.0 200 OK\nCSeq: 1\nTransport: RTP/AVP;unicast;client_port=5000-5001;source=10.0.0.1;destination=10.0.0.2;server_port=6000-6001',
    );
    expect(headerOf(await client.message(), 'transport')).toBe(
      'RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=127.0.0.1',
    );
  });

  test('media over TCP is left alone', async () => {
    const { client, cam } = await begin(`SETUP ${relay.url} RTSP/1.0\nCSeq: 1`);
    cam.send('RTSP/1.0 200 OK\nCSeq: 1\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1');
    expect(headerOf(await client.message(), 'transport')).toBe('RTP/AVP/TCP;unicast;interleaved=0-1');
  });
});

describe('authentication is ours', () => {
  const offers = [
    'Digest realm="cam", nonce="n1", algorithm=MD5',
    'Digest realm="cam", nonce="n1", algorithm=SHA-256, qop="auth"',
  ];

  function expected(offer: string, authorization: string, method: string, uri: string): string | undefined {
    const challenge = chooseChallenge([offer]);
    const cnonce = /cnonce="(\w+)"/.exec(authorization)?.[1];
    const count = Number.parseInt(/nc=(\w+)/.exec(authorization)?.[1] ?? '1', 16);
    return challenge && authorize(challenge, USER, { method, uri, count }, cnonce);
  }

  test('also where ffmpeg could not: SHA-256, each request counted', async () => {
    const { client, cam } = await begin();
    expect(headerOf(await cam.message(), 'authorization')).toBeUndefined();
    cam.send(
      `RTSP/1.0 401 Unauthorized\nCSeq: 1\n${offers.map((offer) => `WWW-Authenticate: ${offer}`).join('\n')}`,
    );
    const given = headerOf(await cam.message(1), 'authorization') ?? '';
    expect(given).toContain('algorithm=SHA-256');
    expect(given).toBe(expected(offers[1] ?? '', given, 'DESCRIBE', real()));
    cam.send('RTSP/1.0 200 OK\nCSeq: 1');
    // ffmpeg was never asked.
    expect(statusOf(await client.message())).toBe(200);
    client.send(`SETUP ${relay.url}/1 RTSP/1.0\nCSeq: 2`);
    const next = headerOf(await cam.message(2), 'authorization') ?? '';
    expect(next).toContain('nc=00000002');
    expect(next).toBe(expected(offers[1] ?? '', next, 'SETUP', real('/1')));
  });

  test('with a fresh nonce when the camera wants one', async () => {
    const { client, cam } = await begin();
    for (const [index, nonce] of ['n1', 'n2'].entries()) {
      cam.send(`RTSP/1.0 401 Unauthorized\nCSeq: 1\nWWW-Authenticate: Digest realm="cam", nonce="${nonce}"`);
      expect(headerOf(await cam.message(index + 1), 'authorization')).toContain(`nonce="${nonce}"`);
    }
    cam.send('RTSP/1.0 200 OK\nCSeq: 1');
    expect(statusOf(await client.message())).toBe(200);
  });

  test('once: wrong credentials are not sent again and again', async () => {
    const { client, cam } = await begin();
    const refusal = `RTSP/1.0 401 Unauthorized\nCSeq: 1\nWWW-Authenticate: Basic realm="cam"`;
    cam.send(refusal);
    await cam.message(1);
    cam.send(refusal);
    expect(statusOf(await client.message())).toBe(401);
    expect(cam.received).toHaveLength(2);
    expect(relay.fault?.message).toContain('does not accept this user name and password');
  });
});

describe('what is kept from ffmpeg', () => {
  test.each([
    ['a redirect', 'RTSP/1.0 302 Found\nCSeq: 1\nLocation: rtsp://169.254.169.254/', /redirects/],
    ['what is no RTSP', 'HTTP/1.1 200 OK', /no RTSP/],
  ])('%s ends the connection', async (_what, text, message) => {
    const { client, cam } = await begin();
    cam.send(text);
    await once(client.socket, 'close');
    expect(client.received).toEqual([]);
    expect(relay.fault?.message).toMatch(message);
  });

  test("a camera's own requests", async () => {
    const { client, cam } = await begin();
    cam.send('REDIRECT rtsp://x RTSP/1.0\nCSeq: 9\nLocation: rtsp://169.254.169.254/');
    cam.send('RTSP/1.0 200 OK\nCSeq: 1');
    expect(statusOf(await client.message())).toBe(200);
    expect(client.received).toHaveLength(1);
  });
});

describe('who may come', () => {
  test('only who knows the address', async () => {
    const stranger = reach();
    stranger.send('DESCRIBE rtsp://127.0.0.1/ RTSP/1.0\nCSeq: 1');
    await once(stranger.socket, 'close');
    const { client, cam } = await begin();
    cam.send('RTSP/1.0 200 OK\nCSeq: 1');
    expect(statusOf(await client.message())).toBe(200);
  });

  test('and only once', async () => {
    await begin();
    const second = reach();
    second.send(`DESCRIBE ${relay.url} RTSP/1.0\nCSeq: 1`);
    await new Promise((resolve) => second.socket.once('close', resolve));
    expect(second.received).toEqual([]);
  });
});

describe('how it ends', () => {
  test('with the camera, and says so', async () => {
    const { client, cam } = await begin();
    cam.socket.destroy();
    await once(client.socket, 'close');
    expect(relay.fault?.message).toBe('the camera closed the connection');
  });

  test('with ffmpeg, which is nothing wrong', async () => {
    const { client, cam } = await begin();
    client.socket.destroy();
    await once(cam.socket, 'close');
    expect(relay.fault).toBeUndefined();
  });

  test('by us, at both ends', async () => {
    const { client, cam } = await begin();
    const closed = Promise.all([once(client.socket, 'close'), once(cam.socket, 'close')]);
    relay.close();
    relay.close();
    await closed;
    expect(relay.fault).toBeUndefined();
  });

  test('a client that does not read stops the camera, not the memory', async () => {
    const { client, cam } = await begin();
    client.socket.pause();
    const big = Buffer.concat([Buffer.from([0x24, 0, 0xff, 0xff]), Buffer.alloc(0xffff)]);
    let sent = 0;
    while (cam.socket.write(big) && sent < 1000) sent += 1;
    for (let i = 0; i < 400; i++) cam.socket.write(big);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(cam.socket.writableLength).toBeGreaterThan(big.length);
    client.socket.resume();
    await expect.poll(() => cam.socket.writableLength, { timeout: 5000 }).toBe(0);
  });
});

test('serialize is what it was read from', () => {
  const message: RtspMessage = {
    firstLine: 'RTSP/1.0 200 OK',
    headers: [['CSeq', '1']],
    body: Buffer.alloc(0),
  };
  expect(new MessageReader().push(serialize(message))).toEqual([message]);
});
