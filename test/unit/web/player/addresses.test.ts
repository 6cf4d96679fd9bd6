/** What the addresses of frames and of <pharos-player> say. */
import { describe, expect, test } from 'vitest';
import { isIdentifier } from '../../../../web/base/identifier.ts';
import { addressOf } from '../../../../web/component/address.ts';
import { embeddedIdentifier, parametersOf } from '../../../../web/embed/parameters.ts';

describe('/embed', () => {
  test('plays by itself, with sound, controls and poster, unless told otherwise', () => {
    const usual = { autoplay: true, muted: false, controls: true, poster: true, origin: undefined };
    expect(parametersOf('')).toEqual(usual);
    expect(parametersOf('?autoplay=0&muted=1&controls=false&poster=no')).toEqual({
      ...{ autoplay: false, muted: true, controls: false, poster: false },
      origin: undefined,
    });
    expect(parametersOf('?muted&lang=de')).toEqual({ ...usual, muted: true });
  });

  test.each([
    ['https://example.org', 'https://example.org'],
    ['https://example.org/a/page?b', 'https://example.org'],
    ['*', undefined],
    ['null', undefined],
    ['data:text/html,x', undefined],
  ])('origin=%s', (text, origin) => {
    expect(parametersOf(`?origin=${encodeURIComponent(text)}`).origin).toBe(origin);
  });

  test.each([
    ['/embed/stage-2', 'stage-2'],
    ['/embed/stage-2/', 'stage-2'],
    ['/embed/', undefined],
    ['/embed/no%20such', undefined],
    ['/embed/a/b', undefined],
  ])('%s', (path, identifier) => {
    expect(embeddedIdentifier(path, isIdentifier)).toBe(identifier);
  });
});

describe('<pharos-player src>', () => {
  const base = 'https://example.org/blog/';
  test.each([
    ['https://live.example.org/watch/a', { server: 'https://live.example.org', identifier: 'a' }],
    ['https://live.example.org:8443/embed/a/', { server: 'https://live.example.org:8443', identifier: 'a' }],
    ['/watch/a', { server: 'https://example.org', identifier: 'a' }],
    [
      'https://live.example.org/watch/a#key=s3cret',
      { server: 'https://live.example.org', identifier: 'a', key: 's3cret' },
    ],
  ])('%s', (link, address) => {
    expect(addressOf(link, base)).toEqual({ key: undefined, ...address });
  });

  test.each([
    '',
    'https://live.example.org/',
    'https://live.example.org/watch/a b',
    'javascript:/watch/a',
    'https://',
  ])('%j is none', (link) => {
    expect(addressOf(link, base)).toBeUndefined();
  });
});
