/** A WebSocket on a bare TCP connection: for what no WebSocket library lets a client do. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export const OPCODE = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 } as const;

/** RFC 6455, section 5.2: one frame, masked, as clients' are. `bits`: FIN and the reserved ones. */
export function frame(opcode: number, payload: string | Buffer, bits = 0x80): Buffer {
  const data = Buffer.from(payload);
  const mask = randomBytes(4);
  const length =
    data.length < 126 ? [data.length | 0x80] : [126 | 0x80, data.length >> 8, data.length & 0xff];
  const masked = data.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([bits | opcode, ...length]), mask, masked]);
}

/** Connects and asks for a WebSocket, without waiting for the answer. Errors are for `close` to tell. */
export async function rawSocket(port: number, headers = ''): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n${headers}\r\n`,
  );
  return socket;
}

/** Resolves when the connection is gone, reset or not. */
export async function gone(socket: Socket): Promise<void> {
  if (!socket.destroyed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

/** The code of the close frame that comes, or undefined where the connection just ends. */
export async function closeCode(socket: Socket): Promise<number | undefined> {
  let received = Buffer.alloc(0);
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
  });
  await gone(socket);
  return closeCodeIn(received.subarray(received.indexOf('\r\n\r\n') + 4));
}

function closeCodeIn(frames: Buffer): number | undefined {
  let at = 0;
  while (at + 2 <= frames.length) {
    const short = frames.readUInt8(at + 1) & 0x7f;
    const header = short === 126 ? 4 : short === 127 ? 10 : 2;
    const length = short === 126 ? frames.readUInt16BE(at + 2) : short;
    if ((frames.readUInt8(at) & 0x0f) === OPCODE.close && length >= 2)
      return frames.readUInt16BE(at + header);
    at += header + length;
  }
  return undefined;
}

/** The answer's head: all up to the empty line. */
export async function head(socket: Socket): Promise<string> {
  const [data] = await once(socket, 'data');
  return String(data).split('\r\n\r\n')[0] ?? '';
}
