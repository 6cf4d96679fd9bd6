import { expect, test } from 'vitest';
import { recordMode } from '../../../server/recordings/rules.ts';

test('the first rule that matches counts; manual if none does', () => {
  const rules = [
    { streams: 'lecture-1', record: 'off' as const },
    { streams: 'lecture-*', record: 'always' as const },
    { streams: '*', record: 'off' as const },
  ];
  expect(recordMode(rules, 'lecture-1')).toBe('off');
  expect(recordMode(rules, 'lecture-2')).toBe('always');
  expect(recordMode(rules, 'other')).toBe('off');
  expect(recordMode([], 'other')).toBe('manual');
});

test.each([
  ['a*c', 'abc', true],
  ['a*c', 'ac', true],
  ['a*c', 'a', false],
  ['a*a', 'a', false],
  ['*x*', 'axb', true],
  ['*x*y*', 'ayxb', false],
  ['*x*y*', 'axyb', true],
  ['a*b*c', 'abc', true],
  ['a*bb*b', 'abb', false],
  ['**', '', true],
  ['abc', 'ABC', false],
  [`${'*a'.repeat(30)}*`, 'a'.repeat(29), false],
])('%s matches %s: %s', (streams, stream, matches) => {
  expect(recordMode([{ streams, record: 'always' }], stream)).toBe(matches ? 'always' : 'manual');
});
