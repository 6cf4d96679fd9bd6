import { describe, expect, test } from 'vitest';
import { PharosClientError, StreamEnded } from '../../../web/lib/errors.ts';
import { endOf, worthRetrying } from '../../../web/lib/retry.ts';

const error = (code: PharosClientError['code']) => new PharosClientError(code, code);

describe('whether another attempt has a chance', () => {
  test.each(['connection_lost', 'timeout', 'server_closing'] as const)('%s: always', (code) => {
    expect(worthRetrying(error(code), 100, false)).toBe(true);
  });

  test.each(['full', 'too_many_requests', 'server_full', 'internal'] as const)(
    '%s: for some time, for those who were in',
    (code) => {
      expect(worthRetrying(error(code), 0, false)).toBe(false);
      expect(worthRetrying(error(code), 0, true)).toBe(true);
      expect(worthRetrying(error(code), 6, true)).toBe(false);
    },
  );

  test.each([
    'not_allowed',
    'stream_not_found',
    'unsupported_codec',
    'stream_in_use',
    'bad_request',
  ] as const)('%s: never', (code) => {
    expect(worthRetrying(error(code), 0, true)).toBe(false);
  });

  test('media that never got through: twice', () => {
    expect(worthRetrying(error('media_unreachable'), 1, false)).toBe(true);
    expect(worthRetrying(error('media_unreachable'), 2, false)).toBe(false);
  });
});

describe('what an end means', () => {
  test.each(['stopped', 'publisher_left', 'wait_timeout'] as const)('%s: it is over', (reason) => {
    const end = endOf(reason, error('connection_lost'));
    expect(end).toBeInstanceOf(StreamEnded);
    expect(end).toMatchObject({ reason, code: 'stream_ended' });
  });

  test.each(['media_lost', 'worker_failed', 'server_closing'] as const)('%s: a loss', (reason) => {
    expect(endOf(reason, error('media_unreachable')).code).toBe('media_unreachable');
  });
});
