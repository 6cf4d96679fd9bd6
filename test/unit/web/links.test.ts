import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchLink } from '../../../web/base/identifier.ts';
import { keyIn } from '../../../web/base/key.ts';
import { type Resumable, remember, resumable } from '../../../web/publish/resumable.ts';

test.each([
  ['#key=b0fd6f2f9c3e4a55', 'b0fd6f2f9c3e4a55'],
  ['https://example.org/watch/stage-2#key=eyJhbGciOi.eyJzdWIi.c2ln-_', 'eyJhbGciOi.eyJzdWIi.c2ln-_'],
  [' https://example.org/watch/stage-2#t=1&key=abc \n', 'abc'],
  ['#key=', undefined],
  ['https://example.org/watch/stage-2?key=never', undefined],
  ['stage-2', undefined],
])('the key in %j: %j', (link, key) => {
  expect(keyIn(link)).toBe(key);
});

test('a watch link brings its key along, whatever is in it', () => {
  expect(watchLink('stage-2', undefined)).toBe('/watch/stage-2');
  expect(keyIn(watchLink('stage-2', 'a+b&c=d e'))).toBe('a+b&c=d e');
});

const LIVE: Resumable = {
  stream: 'stage-2',
  session: 'secret',
  grace: 15_000,
  at: 1_000_000,
  liveSince: 900_000,
  camera: '',
  microphone: 'none',
};

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

test('a page that is loaded again goes on with its stream, within the grace time only', () => {
  remember(LIVE);
  expect(resumable(LIVE.at + 14_999)).toEqual(LIVE);
  expect(resumable(LIVE.at + 15_000)).toBeUndefined();
});

test('what was stopped is forgotten; nonsense is nothing', () => {
  remember(LIVE);
  remember(undefined);
  expect(resumable(LIVE.at)).toBeUndefined();
  sessionStorage.setItem('pharos.live', '{"stream": 7');
  expect(resumable(LIVE.at)).toBeUndefined();
  sessionStorage.setItem('pharos.live', '{"stream": 7}');
  expect(resumable(LIVE.at)).toBeUndefined();
});
