import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newMetadata, newPart } from '../../../server/recordings/metadata.ts';
import { type RecordingId, startName } from '../../../server/recordings/names.ts';
import { Store } from '../../../server/recordings/store.ts';

const T = Date.UTC(2026, 10, 21);
const at = (minutes: number, stream = 'a'): RecordingId => ({
  stream,
  start: startName(T + minutes * 60_000),
});
let root = '';
let store: Store;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'pharos-store-'));
  store = await Store.create(join(root, 'recordings'));
});
afterEach(() => rmSync(root, { recursive: true }));

async function done(id: RecordingId, files: string[] = []): Promise<void> {
  mkdirSync(store.folder(id), { recursive: true });
  await store.write(id, { ...newMetadata(id), state: 'done', verdict: 'ok' });
  for (const name of files) writeFileSync(store.path(id, name), 'x');
}

test('a new recording has its folder and its .json, and a name of its own', async () => {
  const first = await store.begin('a', T);
  const second = await store.begin('a', T);
  expect([first.start, second.start]).toEqual(['2026-11-21T00:00:00.000Z', '2026-11-21T00:00:00.001Z']);
  expect((await store.read(at(0))).metadata).toEqual(first);
});

test('lists newest first, in pages, of one stream or of all', async () => {
  for (const [minutes, stream] of [
    [1, 'a'],
    [3, 'a'],
    [2, 'b'],
  ] as const)
    await done(at(minutes, stream));
  const list = async (more = {}) =>
    (await store.list({ limit: 10, ...more })).map(({ stream, start }) => ({ stream, start }));
  expect(await list()).toEqual([at(3), at(2, 'b'), at(1)]);
  expect(await list({ limit: 2 })).toEqual([at(3), at(2, 'b')]);
  expect(await list({ before: at(2, 'b') })).toEqual([at(1)]);
  expect(await list({ stream: 'a' })).toEqual([at(3), at(1)]);
  expect(await list({ stream: 'nobody' })).toEqual([]);
});

test('what is not ours is not listed: other files, other folders, links', async () => {
  await done(at(1));
  writeFileSync(join(store.folder(at(1)), 'notes.txt'), '');
  mkdirSync(join(store.root, 'not a stream'));
  writeFileSync(join(store.root, 'not a stream', `${at(2).start}.json`), '{}');
  symlinkSync('/etc/passwd', join(store.folder(at(1)), `${at(5).start}.mp4`));
  symlinkSync(store.folder(at(1)), join(store.root, 'link'));
  expect(await store.ids()).toEqual([at(1)]);
});

test('a .json that is broken is listed with what is wrong, and files without one are', async () => {
  await done(at(1));
  writeFileSync(store.path(at(1), `${at(1).start}.json`), '{"version":');
  writeFileSync(store.path(at(2), `${at(2).start}.live.mp4`), 'x');
  expect(await store.list({ limit: 10 })).toEqual([
    { ...at(2), metadata: undefined, problem: 'it has no .json' },
    { ...at(1), metadata: undefined, problem: 'its .json cannot be used: it is not JSON' },
  ]);
  expect((await store.find(at(2))).problem).toBe('it has no .json');
  await expect(store.find(at(3))).rejects.toMatchObject({ code: 'stream_not_found' });
});

test('deletes all of one recording and nothing else', async () => {
  const name = (minutes: number, rest: string) => `${at(minutes).start}${rest}`;
  await done(at(1), [name(1, '.mp4'), name(1, '-2.mp4'), name(1, '-2.live.mp4'), name(1, '.jpg')]);
  await done(at(2), [name(2, '.mp4')]);
  writeFileSync(join(store.folder(at(1)), 'notes.txt'), '');
  await store.delete(at(1));
  expect(readdirSync(store.folder(at(1))).sort()).toEqual([name(2, '.json'), name(2, '.mp4'), 'notes.txt']);
  await expect(store.delete(at(1))).rejects.toMatchObject({ code: 'stream_not_found' });
});

test.each(['recording', 'finishing'] as const)('does not delete one that is %s', async (state) => {
  await done(at(1));
  await store.update(at(1), (metadata) => ({ ...metadata, state }));
  await expect(store.delete(at(1))).rejects.toMatchObject({ code: 'wrong_order' });
  expect(readdirSync(store.folder(at(1)))).toHaveLength(1);
});

test('no id that is none, and no name that is none, becomes a path', () => {
  expect(() => store.folder({ stream: '..' })).toThrow('not a stream id');
  expect(() => store.path(at(1), '../x.mp4')).toThrow('not a file');
  expect(() => store.path(at(1), `${at(2).start}.mp4`)).toThrow('not a file');
});

test('changes at the same time are made one after the other, and nobody ever reads half of one', async () => {
  const id = at(1);
  await done(id);
  const notes = Array.from({ length: 60 }, (_, index) => `${index}`.padEnd(2000, '.'));
  let isWriting = true;
  const reading = (async () => {
    let count = 0;
    while (isWriting) {
      expect((await store.read(id)).problem).toBeUndefined();
      count += 1;
    }
    return count;
  })();
  const part = newPart({ start: new Date(T).toISOString(), live: null, kinds: [] });
  await Promise.all(
    notes.map((note) =>
      store.update(id, (metadata) => ({
        ...metadata,
        parts: [...metadata.parts, { ...part, notes: [note] }],
      })),
    ),
  );
  isWriting = false;
  expect(await reading).toBeGreaterThan(5);
  const { metadata } = await store.read(id);
  expect(metadata?.parts.flatMap((entry) => entry.notes)).toEqual(notes);
});

test('a change that fails leaves what was there', async () => {
  await done(at(1));
  const before = readFileSync(store.path(at(1), `${at(1).start}.json`), 'utf8');
  const fails = store.update(at(1), () => {
    throw new Error('no');
  });
  await expect(fails).rejects.toThrow('no');
  expect(readFileSync(store.path(at(1), `${at(1).start}.json`), 'utf8')).toBe(before);
  expect((await store.update(at(1), (metadata) => ({ ...metadata, endReason: 'x' }))).endReason).toBe('x');
  expect(readdirSync(store.folder(at(1)))).toHaveLength(1);
});
