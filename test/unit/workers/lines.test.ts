import { expect, test } from 'vitest';
import { LineReader } from '../../../workers/ffmpeg/lines.ts';

function read(...chunks: string[]): string[] {
  const lines: string[] = [];
  const reader = new LineReader((line) => lines.push(line));
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return lines;
}

test('pieces become lines', () => {
  expect(read('on', 'e\ntwo\r\n\n  \nthr', 'ee')).toEqual(['one', 'two', 'three']);
  expect(read('frame=1\rframe=2\r')).toEqual(['frame=1', 'frame=2']);
  expect(read('')).toEqual([]);
});

test('a line without an end takes no more than its place', () => {
  const lines = read(...Array.from({ length: 100 }, () => 'x'.repeat(1000)), 'end\nnext');
  expect(lines).toEqual(['x'.repeat(1000), 'next']);
});
