import { describe, expect, test } from 'vitest';
import {
  MAX_BODY_BYTES,
  MAX_HEADER_BYTES,
  ResponseReader,
  type RtspResponse,
} from '../../../server/cameras/rtsp-message.ts';

const TEXT =
  'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="a"\r\nwww-authenticate: Digest realm="b", nonce="c"\r\nContent-Length: 3\r\n\r\nabc';

function read(...chunks: (string | Buffer)[]): RtspResponse | undefined {
  const reader = new ResponseReader();
  let response: RtspResponse | undefined;
  for (const chunk of chunks) response ??= reader.push(Buffer.from(chunk));
  return response;
}

describe('a response', () => {
  test('is read whole, or in whatever pieces', () => {
    const whole = read(TEXT);
    expect(whole).toMatchObject({ status: 401, body: 'abc' });
    expect(whole?.headers.get('www-authenticate')).toEqual([
      'Basic realm="a"',
      'Digest realm="b", nonce="c"',
    ]);
    for (let cut = 1; cut < TEXT.length; cut++) {
      expect(read(TEXT.slice(0, cut), TEXT.slice(cut))).toEqual(whole);
    }
    expect(read(...TEXT)).toEqual(whole);
    expect(read(TEXT.slice(0, -1))).toBeUndefined();
  });

  test('may be followed by another', () => {
    const reader = new ResponseReader();
    expect(reader.push(Buffer.from(`${TEXT}RTSP/1.0 200 O`))?.status).toBe(401);
    expect(reader.push(Buffer.from('K\r\n\r\n'))).toEqual({ status: 200, headers: new Map(), body: '' });
  });

  test.each([
    ['another protocol', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['another protocol from its first bytes on', 'SSH-2.0'],
    ['no status', 'RTSP/1.0 OK\r\n\r\n'],
    ['a length that is none', 'RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n'],
    ['a body that is too long', `RTSP/1.0 200 OK\r\nContent-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`],
    ['headers without end', `RTSP/1.0 200 OK\r\nX: ${'x'.repeat(MAX_HEADER_BYTES)}`],
  ])('%s is refused', (_what, text) => {
    expect(() => read(text)).toThrow();
  });
});
