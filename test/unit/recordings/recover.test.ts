import { describe, expect, test } from 'vitest';
import { NO_SPACE } from '../../../server/recordings/files.ts';
import { type Metadata, newMetadata, newPart, type Part } from '../../../server/recordings/metadata.ts';
import { parseFileName } from '../../../server/recordings/names.ts';
import { takeUp } from '../../../server/recordings/recover.ts';
import type { StoredFile } from '../../../server/recordings/store.ts';

const id = { stream: 'a', start: '2026-11-21T13-16-58.000Z' };
const begun = Date.UTC(2026, 10, 21, 13, 16, 58);

function file(rest: string, seconds = 60): StoredFile {
  const name = `${id.start}${rest}`;
  const parsed = parseFileName(name);
  if (!parsed) throw new Error(name);
  return { ...parsed, name, bytes: 1000, modified: begun + seconds * 1000 };
}

const part = (known: Partial<Part> = {}): Part =>
  newPart({ start: '2026-11-21T13:16:58.000Z', live: `${id.start}.live.mp4`, kinds: ['video'], ...known });
const metadata = (known: Partial<Metadata> = {}): Metadata => ({
  ...newMetadata(id),
  parts: [part()],
  ...known,
});
const parts = (known: Metadata | undefined, files: StoredFile[]) => takeUp(id, known, 'broken', files)?.parts;

test('how long a part should be, its last change says', () => {
  expect(takeUp(id, metadata(), undefined, [file('.live.mp4', 90)])).toMatchObject({
    state: 'finishing',
    endReason: 'the server ended',
    parts: [{ expected: 90, recovered: true, verdict: null }],
  });
});

test('what the recorder has said counts more', () => {
  const known = metadata({ state: 'finishing', parts: [part({ expected: 42 })], endReason: 'stopped' });
  expect(takeUp(id, known, undefined, [file('.live.mp4', 90)])).toMatchObject({
    endReason: 'stopped',
    parts: [{ expected: 42, recovered: false }],
  });
});

test('a change before it began says nothing', () => {
  expect(parts(metadata(), [file('.live.mp4', -5)])).toMatchObject([{ expected: null, recovered: true }]);
});

test('nobody knows how long a later part should be that was not written down', () => {
  const found = parts(metadata(), [file('.live.mp4'), file('-2.live.mp4', 90)]);
  expect(found).toMatchObject([{ expected: 60 }, { live: `${id.start}-2.live.mp4`, expected: null }]);
});

test('without a usable .json all parts are found in the files, in order', () => {
  const files = [file('-10.live.webm'), file('-2.webm'), file('.live.webm'), file('.webm'), file('.jpg')];
  expect(takeUp(id, undefined, 'broken', files)).toMatchObject({
    endReason: 'broken',
    parts: [
      { live: `${id.start}.live.webm`, file: null },
      { live: null, file: `${id.start}-2.webm` },
      { live: `${id.start}-10.live.webm`, file: null },
    ],
  });
});

describe('nothing is to be done', () => {
  const done = (known: Partial<Part>) => metadata({ state: 'done', verdict: 'ok', parts: [part(known)] });

  test('of a recording that is done', () => {
    expect(
      takeUp(id, done({ live: null, file: `${id.start}.mp4`, verdict: 'ok' }), undefined, [file('.mp4')]),
    ).toBeUndefined();
    // Uploaded, and deleted here.
    expect(
      takeUp(id, done({ live: null, file: `${id.start}.mp4`, verdict: 'ok' }), undefined, []),
    ).toBeUndefined();
  });

  test('of a damaged one, whose live file is kept on purpose', () => {
    const known = done({ file: `${id.start}.mp4`, verdict: 'damaged', why: 'a hole' });
    expect(takeUp(id, known, undefined, [file('.live.mp4'), file('.mp4')])).toBeUndefined();
    expect(
      takeUp(id, done({ verdict: 'damaged', why: 'nonsense' }), undefined, [file('.live.mp4')]),
    ).toBeUndefined();
  });

  test('of a picture alone', () => {
    expect(takeUp(id, undefined, 'gone', [file('.jpg')])).toBeUndefined();
  });

  test('but one for which there was no space is tried again', () => {
    const known = done({ verdict: 'damaged', why: `it could not be finished: ${NO_SPACE}`, expected: 60 });
    expect(takeUp(id, known, undefined, [file('.live.mp4')])).toMatchObject({
      state: 'finishing',
      verdict: null,
      parts: [{ verdict: null, why: '', expected: 60, recovered: false }],
    });
    expect(takeUp(id, known, undefined, [])).toBeUndefined();
  });
});
