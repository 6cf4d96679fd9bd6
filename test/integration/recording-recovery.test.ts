import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../server/base/logger.ts';
import { Finisher } from '../../server/recordings/finisher.ts';
import { type Metadata, newMetadata } from '../../server/recordings/metadata.ts';
import { liveName, type RecordingId, startName } from '../../server/recordings/names.ts';
import { recover } from '../../server/recordings/recover.ts';
import { Store } from '../../server/recordings/store.ts';
import { findFfmpeg } from '../../workers/ffmpeg/binary.ts';
import { media } from '../helpers/media.ts';
import {
  ffmpeg,
  live,
  livePart,
  makeFolder,
  removeFolder,
  SECONDS,
  START,
  STARTED,
  temporaryFolder,
  truncate,
} from '../helpers/recordings.ts';

const root = temporaryFolder();
afterAll(() => removeFolder(root));
let store: Store;
let folder = '';
let count = 0;
const id: RecordingId = { stream: 'lecture', start: START };
const logger = createLogger({ level: 'silent', format: 'json' });
beforeEach(async () => {
  count += 1;
  store = await Store.create(join(root, `case-${count}`));
  folder = makeFolder(join(store.root, id.stream));
});

const newFinisher = () => new Finisher({ store, logger, format: 'native' });

/** As the next start does: what it finds is finished when this resolves. */
async function restart(finisher = newFinisher()): Promise<number> {
  const found = await recover({ store, finisher, logger });
  await finisher.idle();
  return found;
}

async function read(of = id): Promise<Metadata> {
  const { metadata, problem } = await store.read(of);
  if (metadata === undefined) throw new Error(problem);
  return metadata;
}

/** The last change of a file that ended in time. */
function setEnd(file: string, seconds: number): void {
  const time = (STARTED + seconds * 1000) / 1000;
  utimesSync(file, time, time);
}

const recording = (known: Partial<Metadata> = {}): Metadata => ({
  ...newMetadata(id),
  parts: [livePart('mp4', { expected: null })],
  ...known,
});

test('a recording that nobody ended is finished, verified, and called repaired', async () => {
  const file = await live({ folder, extension: 'mp4' });
  setEnd(file, SECONDS);
  await store.write(id, recording());
  expect(await restart()).toBe(1);
  const metadata = await read();
  expect(metadata).toMatchObject({
    state: 'done',
    verdict: 'repaired',
    why: 'it was finished after a crash',
  });
  expect(metadata).toMatchObject({ endReason: 'the server ended', start: '2026-11-21T13:16:58.123Z' });
  expect(Date.parse(metadata.end ?? '') - STARTED).toBeCloseTo(8000, -2);
  expect(readdirSync(folder).sort()).toEqual([`${START}.jpg`, `${START}.json`, `${START}.mp4`]);
  // There is nothing left to do.
  expect(await restart()).toBe(0);
});

test('one whose end was written down, and which was to be finished, is simply finished', async () => {
  await live({ folder, extension: 'mp4' });
  await store.write(id, recording({ state: 'finishing', parts: [livePart('mp4')], endReason: 'stopped' }));
  await restart();
  expect(await read()).toMatchObject({ verdict: 'ok', endReason: 'stopped' });
});

test.each([
  ['no .json at all', undefined, 'it has no .json'],
  ['an empty one', '', 'its .json cannot be used: it is empty'],
  ['half of one', '{"version":1,"stream":"lec', 'its .json cannot be used: it is not JSON'],
  [
    'one of another',
    JSON.stringify({ ...newMetadata({ ...id, stream: 'x' }) }),
    'it is about another recording',
  ],
])('with %s it is rebuilt from the files', async (_, text, problem) => {
  setEnd(await live({ folder, extension: 'webm' }), SECONDS);
  if (text !== undefined) writeFileSync(join(folder, `${START}.json`), text);
  expect(await restart()).toBe(1);
  const metadata = await read();
  expect(metadata).toMatchObject({ state: 'done', verdict: 'repaired', end: expect.any(String) });
  expect(metadata.endReason).toContain(problem);
  expect(metadata.parts).toMatchObject([{ codecs: ['vp8', 'opus'], width: 640, recovered: true }]);
});

test('a live file that holds less than was recorded is damaged', async () => {
  const file = await live({ folder, extension: 'mp4' });
  truncate(file, 300_000);
  setEnd(file, 20);
  await store.write(id, recording());
  await restart();
  const metadata = await read();
  expect(metadata.verdict).toBe('damaged');
  expect(metadata.why).toMatch(/^it lasts 2\.\d s, 17\.\d s less than was recorded/);
  expect(existsSync(file)).toBe(true);
  // Nothing would be better the next time.
  expect(await restart()).toBe(0);
});

test('parts that were not written down are found, and judged each for itself', async () => {
  setEnd(await live({ folder, extension: 'mp4' }), SECONDS);
  await live({ folder, extension: 'mp4', part: 2 });
  writeFileSync(join(folder, liveName(START, 3, 'mp4')), 'nonsense');
  await store.write(id, recording());
  await restart();
  const metadata = await read();
  expect(metadata.parts.map(({ verdict }) => verdict)).toEqual(['repaired', 'repaired', 'damaged']);
  expect(metadata.why).toBe('part 3: it could not be finished: it does not begin as a media file does');
});

test('what was being made when the server died is thrown away, and made anew', async () => {
  setEnd(await live({ folder, extension: 'mp4' }), SECONDS);
  await store.write(id, recording({ state: 'finishing' }));
  for (const name of ['mp4', 'json', 'jpg'])
    writeFileSync(join(folder, `${START}.finishing.${name}`), 'half');
  // Not ours: it stays.
  writeFileSync(join(folder, 'notes.finishing.txt'), 'mine');
  await restart();
  expect(readdirSync(folder).filter((name) => name.includes('finishing'))).toEqual(['notes.finishing.txt']);
  expect((await read()).state).toBe('done');
});

test('a finished file whose .json is lost is verified as it is', async () => {
  await live({ folder, extension: 'mp4' });
  await store.write(id, recording({ state: 'finishing', parts: [livePart('mp4')] }));
  await restart();
  writeFileSync(join(folder, `${START}.json`), '');
  expect(await restart()).toBe(1);
  expect(await read()).toMatchObject({
    state: 'done',
    verdict: 'repaired',
    parts: [{ file: `${START}.mp4` }],
  });
});

test('several are finished one after the other; those in the queue can be seen', async () => {
  const ids = [0, 1, 2].map((index) => ({ stream: id.stream, start: startName(STARTED + index * 60_000) }));
  const file = readFileSync(await live({ folder, extension: 'mp4' }));
  for (const each of ids) {
    const name = liveName(each.start, 1, 'mp4');
    writeFileSync(join(folder, name), file);
    await store.write(each, {
      ...newMetadata(each),
      state: 'finishing',
      parts: [livePart('mp4', { live: name })],
    });
  }
  const finisher = newFinisher();
  const order: string[] = [];
  const running = new Set<string>();
  finisher.on('progress', (each) => {
    running.add(each.start);
    expect(running.size).toBe(1);
  });
  finisher.on('finished', (each) => {
    order.push(each.start);
    running.delete(each.start);
  });
  const done = restart(finisher);
  await expect.poll(() => finisher.waiting).toBe(3);
  expect(ids.map((each) => finisher.progress(each)?.parts)).toEqual([1, 1, 1]);
  await done;
  // The newest first.
  expect(order).toEqual(ids.map(({ start }) => start).reverse());
  expect(finisher.waiting).toBe(0);
});

test('closing breaks it off; the next start goes on', async () => {
  await live({ folder, extension: 'mp4' });
  await store.write(id, recording({ state: 'finishing', parts: [livePart('mp4')] }));
  const finisher = newFinisher();
  finisher.once('progress', () => void finisher.close());
  await restart(finisher);
  expect(await read()).toMatchObject({ state: 'finishing', verdict: null });
  expect(readdirSync(folder).sort()).toEqual([`${START}.json`, `${START}.live.mp4`]);
  await restart();
  expect(await read()).toMatchObject({ state: 'done', verdict: 'ok' });
});

test('a recording deleted while it waits is no fault', async () => {
  await live({ folder, extension: 'mp4' });
  await store.write(id, recording({ state: 'finishing', parts: [livePart('mp4')] }));
  const finisher = newFinisher();
  removeFolder(folder);
  await finisher.add(id);
  expect(finisher.waiting).toBe(0);
});

test.each(['mp4', 'webm'] as const)(
  'ffmpeg killed while it writes: at most a second is missing (%s)',
  async (extension) => {
    const source = await media(extension === 'mp4' ? 'h264' : 'vp8');
    const file = join(folder, liveName(START, 1, extension));
    const flags =
      extension === 'mp4'
        ? ['-movflags', '+frag_keyframe+empty_moov+default_base_moof+delay_moov', '-frag_duration', '1000000']
        : ['-cluster_time_limit', '1000', '-live', '1'];
    // In real time, as a stream comes in.
    const args = ['-v', 'error', '-re', '-i', source, '-c', 'copy', ...flags, '-flush_packets', '1', file];
    const child: ChildProcess = spawn(findFfmpeg(), args, { stdio: 'ignore' });
    const begun = performance.now();
    await expect.poll(() => existsSync(file) && statSync(file).size > 0, { timeout: 5000 }).toBe(true);
    await sleep(3500 - (performance.now() - begun));
    const seconds = (performance.now() - begun) / 1000;
    child.kill('SIGKILL');
    setEnd(file, seconds);
    await store.write(id, recording({ parts: [livePart(extension, { expected: null })] }));
    await restart();
    const metadata = await read();
    expect(metadata.verdict).toBe('repaired');
    expect(metadata.parts[0]?.duration).toBeGreaterThan(seconds - 1.3);
    await ffmpeg('-i {} -f null -', join(folder, metadata.parts[0]?.file ?? ''));
  },
);
