import { expect, test } from 'vitest';
import {
  newMetadata,
  newPart,
  overall,
  parseMetadata,
  type Verdict,
} from '../../../server/recordings/metadata.ts';

const id = { stream: 'lecture', start: '2026-11-21T13-16-58.123Z' };
const part = newPart({ start: '2026-11-21T13:16:58.123Z', live: `${id.start}.live.mp4`, kinds: ['video'] });
const metadata = { ...newMetadata(id), parts: [part] };
const problem = (data: unknown) => {
  const parsed = parseMetadata(typeof data === 'string' ? data : JSON.stringify(data), id);
  return 'problem' in parsed ? parsed.problem : 'none';
};

test('what is written is read', () => {
  expect(parseMetadata(JSON.stringify(metadata), id)).toEqual({ metadata });
  // A later version may know more.
  expect(parseMetadata(JSON.stringify({ ...metadata, colour: 'red' }), id)).toEqual({ metadata });
});

test.each([
  ['', 'it is empty'],
  ['\0\0\0\0', 'it is not JSON'],
  [JSON.stringify(metadata).slice(0, 100), 'it is not JSON'],
  ['null', 'it: Invalid input'],
  [{ ...metadata, version: 2 }, 'version: '],
  [{ ...metadata, state: 'lost' }, 'state: '],
  [{ ...metadata, stream: '../x' }, 'stream: '],
  [{ ...metadata, stream: 'other' }, 'it is about another recording'],
  [{ ...metadata, start: '2026-11-21T13:16:58.124Z' }, 'it is about another recording'],
  [{ ...metadata, parts: [{ ...part, file: '../../etc/passwd' }] }, 'it names a file that is not its own'],
  [{ ...metadata, parts: [{ ...part, live: `${id.start}.json` }] }, 'it names a file that is not its own'],
  [{ ...metadata, parts: [{ ...part, bytes: -1 }] }, 'parts.0.bytes: '],
  [{ ...metadata, parts: [{ ...part, duration: null, expected: 'long' }] }, 'parts.0.expected: '],
])('%j is told, not thrown', (data, expected) => {
  expect(problem(data)).toContain(expected);
});

test('the whole is as good as its worst part, which is named', () => {
  const of = (...verdicts: [Verdict, string][]) =>
    overall(verdicts.map(([verdict, why]) => ({ ...part, verdict, why })));
  expect(of(['ok', ''], ['ok', ''])).toEqual({ verdict: 'ok', why: '' });
  expect(of(['repaired', 'a'])).toEqual({ verdict: 'repaired', why: 'a' });
  expect(of(['ok', ''], ['repaired', 'a'])).toEqual({ verdict: 'repaired', why: 'part 2: a' });
  expect(of(['repaired', 'a'], ['damaged', 'b'])).toEqual({ verdict: 'damaged', why: 'part 2: b' });
  expect(of()).toEqual({ verdict: 'damaged', why: 'nothing was recorded' });
  const many = of(...Array.from({ length: 6 }, (): [Verdict, string] => ['damaged', 'x']));
  expect(many.why).toBe('part 1: x; part 2: x; part 3: x; and 3 more parts');
});
