import { describe, expect, test } from 'vitest';
import { identifierIn, identifierOfPath, watchPath } from '../../../web/base/identifier.ts';

describe('what people type or paste', () => {
  test.each([
    ['stage-2', 'stage-2'],
    ['  stage_2 ', 'stage_2'],
    ['https://example.org/watch/stage-2', 'stage-2'],
    ['http://localhost:3000/watch/a?x=1#y', 'a'],
    ['example.org/watch/a/', 'a'],
    ['no such', undefined],
    ['', undefined],
    ['https://example.org/', undefined],
    ['a'.repeat(65), undefined],
  ])('%j', (text, identifier) => {
    expect(identifierIn(text)).toBe(identifier);
  });
});

describe('the address of a watch page', () => {
  test.each([
    ['/watch', ''],
    ['/watch/', ''],
    ['/watch/stage-2', 'stage-2'],
    ['/watch/stage-2/', 'stage-2'],
    ['/watch/no%20such', undefined],
    ['/watch/%zz', undefined],
  ])('%j', (path, identifier) => {
    expect(identifierOfPath(path)).toBe(identifier);
  });

  test('and back', () => {
    expect(identifierOfPath(watchPath('a_b-C'))).toBe('a_b-C');
  });
});
