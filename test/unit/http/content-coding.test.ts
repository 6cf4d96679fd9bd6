import { expect, test } from 'vitest';
import { acceptedCodings } from '../../../server/http/content-coding.ts';

test.each<[string | undefined, string[]]>([
  // Browsers.
  ['gzip, deflate, br, zstd', ['br', 'gzip']],
  ['gzip, deflate', ['gzip']],
  // Nothing said, or nothing wanted.
  [undefined, []],
  ['', []],
  ['identity', []],
  ['deflate, zstd', []],
  // Weights.
  ['br;q=0.5, gzip;q=0.8', ['gzip', 'br']],
  ['br;q=0, gzip', ['gzip']],
  ['gzip;q=0.000, br;q=0.0', []],
  ['br ; q=1.000 ,gzip ; Q=0.3', ['br', 'gzip']],
  // What is not named, and `*`.
  ['*', ['br', 'gzip']],
  ['*;q=0', []],
  ['br, *;q=0', ['br']],
  ['*;q=0.5, br;q=0.1', ['gzip', 'br']],
  // None at all.
  ['identity;q=0', []],
  ['identity;q=0, gzip', ['gzip']],
  ['*;q=0.5, identity;q=0', ['br', 'gzip']],
  ['identity, br;q=0.5', []],
  ['identity;q=0.5, br;q=0.5, gzip;q=0.4', ['br']],
  // Other ways to write it.
  ['GZIP', ['gzip']],
  ['x-gzip', ['gzip']],
  [',, ,gzip,,', ['gzip']],
  // What is none.
  ['br;q=2, gzip;q=0.5', ['gzip']],
  ['br;q=, gzip;q=x', []],
  ['br;q=0.1234', []],
  ['br;level=1', []],
  ['brotli, gzipped', []],
  [`${'x,'.repeat(5000)}br`, []],
])('%s: %j', (header, codings) => {
  expect(acceptedCodings(header)).toEqual(codings);
});
