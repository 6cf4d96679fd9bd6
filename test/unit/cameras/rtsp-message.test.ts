import { describe, expect, test } from 'vitest';
import {
  headerOf,
  headersOf,
  MAX_BODY_BYTES,
  MAX_HEADER_BYTES,
  MessageReader,
  type RtspMessage,
  serialize,
  statusOf,
  withHeader,
} from '../../../server/cameras/rtsp-message.ts';

const RESPONSE =
  'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="a"\r\nwww-authenticate: Digest realm="b", nonce="c"\r\nContent-Length: 3\r\n\r\nabc';
const REQUEST = 'SETUP rtsp://cam/x RTSP/1.0\r\nCSeq: 2\r\n\r\n';

function frame(length: number, channel = 0): Buffer {
  const bytes = Buffer.alloc(4 + length, 0x24);
  bytes[1] = channel;
  bytes.writeUInt16BE(length, 2);
  return bytes;
}

function read(...chunks: (string | Buffer)[]): (RtspMessage | Buffer)[] {
  const reader = new MessageReader();
  return chunks.flatMap((chunk) => reader.push(Buffer.from(chunk as string)));
}

const texts = (items: (RtspMessage | Buffer)[]) =>
  Buffer.concat(items.map((item) => (Buffer.isBuffer(item) ? item : serialize(item)))).toString('latin1');

describe('what goes over a connection', () => {
  test('messages, with whatever headers', () => {
    const [message] = read(RESPONSE);
    if (!message || Buffer.isBuffer(message)) throw new Error('no message');
    expect(statusOf(message)).toBe(401);
    expect(headerOf(message, 'cseq')).toBe('1');
    expect(headersOf(message, 'www-authenticate')).toEqual([
      'Basic realm="a"',
      'Digest realm="b", nonce="c"',
    ]);
    expect(message.body.toString()).toBe('abc');
    const changed = withHeader(message, 'WWW-Authenticate', 'none');
    expect(headersOf(changed, 'www-authenticate')).toEqual(['none']);
    expect(headersOf(withHeader(message, 'www-authenticate'), 'www-authenticate')).toEqual([]);
  });

  test('messages and frames, in whatever pieces', () => {
    const all = Buffer.concat([
      Buffer.from(RESPONSE),
      frame(10),
      frame(0, 1),
      frame(300),
      Buffer.from(REQUEST),
      frame(5),
      Buffer.from('\r\n\r\n'),
      Buffer.from(RESPONSE),
    ]);
    const whole = texts(read(all));
    // But for the empty lines.
    expect(whole).toBe(all.toString('latin1').replace('$\r\n\r\nRTSP', () => '$RTSP'));
    for (let cut = 1; cut < all.length; cut++) {
      expect(texts(read(all.subarray(0, cut), all.subarray(cut)))).toBe(whole);
    }
    const bytes = Array.from(all, (byte) => Buffer.from([byte]));
    expect(texts(read(...bytes))).toBe(whole);
  });

  test('frames that come together stay together', () => {
    expect(read(Buffer.concat([frame(10), frame(20), frame(30).subarray(0, 7)]))).toEqual([
      Buffer.concat([frame(10), frame(20)]),
    ]);
  });

  test.each([
    ['another protocol', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['another protocol from its first line on', 'SSH-2.0-OpenSSH\r\n'],
    ['no status', 'RTSP/1.0 OK\r\n\r\n'],
    ['a length that is none', 'RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n'],
    ['a body that is too long', `RTSP/1.0 200 OK\r\nContent-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`],
    ['headers without end', `RTSP/1.0 200 OK\r\nX: ${'x'.repeat(MAX_HEADER_BYTES)}`],
    ['a line without end', 'x'.repeat(MAX_HEADER_BYTES + 1)],
  ])('%s is refused', (_what, text) => {
    expect(() => read(text)).toThrow();
  });
});
