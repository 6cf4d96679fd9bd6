import { describe, expect, test } from 'vitest';
import { PharosClientError, StreamEnded } from '../../../web/lib/errors.ts';
import { endOf, isTold, moved, worthRetrying } from '../../../web/lib/retry.ts';

const error = (code: PharosClientError['code']) => new PharosClientError(code, code);
const stranger = { member: false, reached: false };
const member = { member: true, reached: false };
const viewer = { member: true, reached: true };

describe('whether another attempt has a chance', () => {
  test.each(['connection_lost', 'timeout', 'server_closing', 'session_lost', 'moved'] as const)(
    '%s: always',
    (code) => {
      expect(worthRetrying(error(code), 100, stranger)).toBe(true);
    },
  );

  test.each(['too_many_requests', 'unavailable', 'internal'] as const)(
    '%s: for those who were in, for ever',
    (code) => {
      expect(worthRetrying(error(code), 0, stranger)).toBe(false);
      expect(worthRetrying(error(code), 100, member)).toBe(true);
    },
  );

  test.each(['full', 'server_full'] as const)('%s: for some time, for those who were in', (code) => {
    expect(worthRetrying(error(code), 0, stranger)).toBe(false);
    expect(worthRetrying(error(code), 0, member)).toBe(true);
    expect(worthRetrying(error(code), 6, member)).toBe(false);
  });

  test.each([
    'not_allowed',
    'stream_not_found',
    'unsupported_codec',
    'stream_in_use',
    'bad_request',
  ] as const)('%s: never', (code) => {
    expect(worthRetrying(error(code), 0, viewer)).toBe(false);
  });

  test('media that does not get through: twice, or for ever if it did before', () => {
    expect(worthRetrying(error('media_unreachable'), 1, stranger)).toBe(true);
    expect(worthRetrying(error('media_unreachable'), 2, member)).toBe(false);
    expect(worthRetrying(error('media_unreachable'), 100, viewer)).toBe(true);
  });
});

describe('what an end means', () => {
  test.each([
    'stopped',
    'publisher_left',
    'taken_over',
    'not_allowed',
    'removed',
    'over_limit',
    'wait_timeout',
  ] as const)('%s: it is over', (reason) => {
    const end = endOf(reason, error('connection_lost'));
    expect(end).toBeInstanceOf(StreamEnded);
    expect(end).toMatchObject({ reason, code: 'stream_ended' });
    expect(worthRetrying(end, 0, viewer)).toBe(false);
  });

  test.each(['media_lost', 'worker_failed'] as const)('%s: begin anew, at once', (reason) => {
    expect(isTold(endOf(reason, error('connection_lost')))).toBe(true);
  });

  test('media that never got through is not asked for again at once', () => {
    expect(endOf('media_lost', error('media_unreachable')).code).toBe('media_unreachable');
  });

  test('a server that closes is not there to be asked at once', () => {
    const end = endOf('server_closing', error('connection_lost'));
    expect(end.code).toBe('server_closing');
    expect(isTold(end)).toBe(false);
  });

  test('to be told to move is to be told', () => {
    expect(isTold(moved())).toBe(true);
  });
});
