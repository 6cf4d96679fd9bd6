import { expect, test } from 'vitest';
import { type Metadata, NO_UPLOAD, newMetadata } from '../../../server/recordings/metadata.ts';
import { startName } from '../../../server/recordings/names.ts';
import { type Candidate, toDelete } from '../../../server/recordings/retention.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 21, 12);

/** Begun so many hours ago, for an hour. */
function candidate(hoursAgo: number, bytes: number, known: Partial<Metadata> = {}): Candidate {
  const id = { stream: 'a', start: startName(NOW - hoursAgo * HOUR) };
  const end = new Date(NOW - (hoursAgo - 1) * HOUR).toISOString();
  return { ...id, bytes, metadata: { ...newMetadata(id), state: 'done', verdict: 'ok', end, ...known } };
}

const gone = (candidates: Candidate[], rule: { maxAgeMs?: number; maxTotalBytes?: number }) =>
  toDelete(candidates, { maxAgeMs: 0, maxTotalBytes: 0, ...rule }, NOW).map(
    ({ start }) => (NOW - Date.parse(start.replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:'))) / HOUR,
  );

test('without a limit nothing goes', () => {
  expect(gone([candidate(1000, 1e12)], {})).toEqual([]);
});

test('by age: of its end', () => {
  const all = [candidate(3, 1), candidate(25, 1), candidate(25.5, 1), candidate(48, 1)];
  expect(gone(all, { maxAgeMs: 24 * HOUR })).toEqual([48, 25.5]);
});

test('by size: the oldest first, until the rest fits', () => {
  const all = [candidate(2, 40), candidate(9, 30), candidate(5, 50), candidate(7, 10)];
  expect(gone(all, { maxTotalBytes: 130 })).toEqual([]);
  expect(gone(all, { maxTotalBytes: 129 })).toEqual([9]);
  expect(gone(all, { maxTotalBytes: 95 })).toEqual([9, 7]);
  expect(gone(all, { maxTotalBytes: 1 })).toEqual([9, 7, 5, 2]);
});

test.each<[string, Partial<Metadata>]>([
  ['being written', { state: 'recording', verdict: null }],
  ['being finished', { state: 'finishing', verdict: null }],
  ['without a verdict', { verdict: null }],
  ['waiting to be uploaded', { upload: { ...NO_UPLOAD, state: 'waiting' } }],
  ['that could not be uploaded yet', { upload: { ...NO_UPLOAD, state: 'failed' } }],
])('never one %s; it counts towards the size', (_, known) => {
  const all = [candidate(50, 100, known), candidate(10, 50), candidate(5, 50)];
  expect(gone(all, { maxAgeMs: HOUR })).toEqual([10, 5]);
  expect(gone(all, { maxTotalBytes: 150 })).toEqual([10]);
});

test('never one of which nothing is known', () => {
  expect(gone([{ ...candidate(50, 100), metadata: undefined }], { maxAgeMs: 1, maxTotalBytes: 1 })).toEqual(
    [],
  );
});

test('a damaged one goes as any other, and so does one that is uploaded', () => {
  const all = [
    candidate(9, 1, { verdict: 'damaged' }),
    candidate(8, 1, { upload: { ...NO_UPLOAD, state: 'done' } }),
  ];
  expect(gone(all, { maxAgeMs: HOUR })).toEqual([9, 8]);
});
