import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { finishPart, type Progress } from '../../server/recordings/finish.ts';
import type { Part } from '../../server/recordings/metadata.ts';
import { startName } from '../../server/recordings/names.ts';
import { Store } from '../../server/recordings/store.ts';
import { thumbnail } from '../../workers/ffmpeg/thumbnail.ts';
import { jpegSize } from '../helpers/jpeg.ts';
import { media } from '../helpers/media.ts';
import {
  blank,
  type Extension,
  ffmpeg,
  ffprobe,
  live,
  livePart,
  makeFolder,
  removeFolder,
  SECONDS,
  START,
  temporaryFolder,
  truncate,
} from '../helpers/recordings.ts';

const root = temporaryFolder();
afterAll(() => removeFolder(root));
let folder = '';
let count = 0;
beforeEach(() => {
  count += 1;
  folder = makeFolder(join(root, `case-${count}`));
});

const EXTENSIONS = ['mp4', 'webm'] as const;
const finish = (part: Part, more: Partial<Parameters<typeof finishPart>[0]> = {}) =>
  finishPart({ folder, part, format: 'native', ...more });
const names = () => readdirSync(folder).sort();
const finished = (extension: Extension) => join(folder, `${START}.${extension}`);

describe.each(EXTENSIONS)('a whole recording (%s)', (extension) => {
  test('becomes a file that starts at once, seeks, and is as long as the recording', async () => {
    const file = await live({ folder, extension });
    const part = await finish(livePart(extension));
    expect(part).toMatchObject({ verdict: 'ok', why: '', live: null, file: `${START}.${extension}` });
    expect(part).toMatchObject({
      width: 640,
      height: 360,
      codecs: [extension === 'mp4' ? 'h264' : 'vp8', 'opus'],
    });
    expect(part.duration).toBeCloseTo(SECONDS, 1);
    expect(names()).toEqual([`${START}.${extension}`]);
    expect(existsSync(file)).toBe(false);
    expect(order(finished(extension), extension)).toBe('index first');
    const info = z.object({ format: z.object({ duration: z.string(), tags: z.unknown() }) });
    const { format } = info.parse(await ffprobe(finished(extension), '-show_format'));
    expect(Math.abs(Number(format.duration) - SECONDS)).toBeLessThan(0.1);
    expect(JSON.stringify(format.tags).toLowerCase()).toContain('2026-11-21t13:16:58');
  });

  test('has every packet of the live file, in sync as before, by ffprobe', async () => {
    const file = await live({ folder, extension });
    const before = await packetsOf(file);
    await finish(livePart(extension));
    const after = await packetsOf(finished(extension));
    expect(after.video.length).toBe(before.video.length);
    expect(after.audio.length).toBe(before.audio.length);
    const lead = (packets: typeof before) => (packets.video[0] ?? 0) - (packets.audio[0] ?? 0);
    expect(Math.abs(lead(after) - lead(before))).toBeLessThan(0.01);
  });

  test('has its length and its SHA-256 written down', async () => {
    await live({ folder, extension });
    const { sha256, bytes } = await finish(livePart(extension));
    expect(sha256).toBe(
      createHash('sha256')
        .update(readFileSync(finished(extension)))
        .digest('hex'),
    );
    expect(bytes).toBe(statSync(finished(extension)).size);
  });

  test('seeks: reading from the middle needs no reading up to there', async () => {
    await live({ folder, extension });
    await finish(livePart(extension));
    const found = z.object({ packets: z.array(z.object({ pts_time: z.string() })) });
    const args = ['-select_streams', 'v', '-show_entries', 'packet=pts_time', '-read_intervals', '5%+#1'];
    const { packets } = found.parse(await ffprobe(finished(extension), ...args));
    // A key frame each second: it is found, and nothing earlier.
    expect(Number(packets[0]?.pts_time)).toBeGreaterThan(3.9);
  });

  test('tells how far it is', async () => {
    await live({ folder, extension });
    const seen: Progress[] = [];
    await finish(livePart(extension), { onProgress: (progress) => seen.push(progress) });
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(['copying', 'verifying', 'hashing']);
    const copying = seen.filter(({ phase }) => phase === 'copying').map(({ fraction }) => fraction);
    expect(copying).toEqual([...copying].sort((a, b) => a - b));
    expect(copying.at(-1)).toBeGreaterThan(0.9);
    expect(Math.max(...copying)).toBeLessThanOrEqual(1);
  });

  test('is left alone if finishing is broken off', async () => {
    const file = await live({ folder, extension });
    const before = readFileSync(file);
    const abort = new AbortController();
    const onProgress = () => abort.abort(new Error('enough'));
    await expect(finish(livePart(extension), { signal: abort.signal, onProgress })).rejects.toThrow('enough');
    expect(names()).toEqual([`${START}.live.${extension}`]);
    expect(readFileSync(file).equals(before)).toBe(true);
    expect((await finish(livePart(extension))).verdict).toBe('ok');
  });

  test('finished already when the server died is verified as it is', async () => {
    await live({ folder, extension });
    await finish(livePart(extension));
    const again = await finish(livePart(extension));
    expect(again).toMatchObject({ verdict: 'ok', live: null, file: `${START}.${extension}` });
  });

  test('has a small picture of its beginning', async () => {
    await live({ folder, extension });
    await finish(livePart(extension));
    const target = join(folder, `${START}.jpg`);
    expect(await thumbnail(finished(extension), target)).toBe(true);
    expect(jpegSize(readFileSync(target))).toEqual({ width: 480, height: 270 });
    expect(statSync(target).size).toBeLessThan(60_000);
  });
});

describe.each(EXTENSIONS)('what went wrong is said (%s)', (extension) => {
  const NOTHING = ['empty', 'random', 'zeros', 'headless'] as const;
  test.each(NOTHING)('%s', async (kind) => {
    const file = join(folder, `${START}.live.${extension}`);
    if (kind === 'headless') {
      await live({ folder, extension });
      writeFileSync(file, readFileSync(file).subarray(50_000));
    } else {
      const content = {
        empty: '',
        random: createHash('sha512').update('x').digest(),
        zeros: Buffer.alloc(50_000),
      };
      writeFileSync(file, content[kind]);
    }
    const part = await finish(livePart(extension));
    expect(part).toMatchObject({ verdict: 'damaged', live: `${START}.live.${extension}`, file: null });
    expect(part.why).toMatch(
      kind === 'empty'
        ? /^nothing was written$/
        : /^it could not be finished: it does not begin as a media file does$/,
    );
    expect(names()).toEqual([`${START}.live.${extension}`]);
  });

  test('a file that is not there', async () => {
    expect(await finish(livePart(extension))).toMatchObject({
      verdict: 'damaged',
      why: 'its file is gone',
      live: null,
    });
  });

  test('cut short by a crash: what is there is kept, and called repaired', async () => {
    const file = await live({ folder, extension });
    truncate(file, Math.floor(statSync(file).size * 0.6));
    const part = await finish(livePart(extension, { expected: SECONDS * 0.6, recovered: true }));
    expect(part.verdict).toBe('repaired');
    expect(part.why).toMatch(
      /^something in it could not be read: .*(partial file|prematurely)|after a crash/,
    );
    expect(part.duration).toBeGreaterThan(SECONDS * 0.6 - 1.2);
    expect(names()).toEqual([`${START}.${extension}`]);
    expect(await decodeErrors(finished(extension))).toBe('');
  });

  test('cut short with no crash: the missing time is', async () => {
    const file = await live({ folder, extension });
    truncate(file, Math.floor(statSync(file).size * 0.6));
    const part = await finish(livePart(extension));
    expect(part.verdict).toBe('damaged');
    expect([part.why, ...part.notes].join('\n')).toMatch(/it lasts 4\.\d s, 3\.\d s less than was recorded/);
    // Both are kept: what plays, and what it was made of.
    expect(names()).toEqual([`${START}.live.${extension}`, `${START}.${extension}`].sort());
  });

  test('zeros at the end, as a loss of power leaves them: left out', async () => {
    const file = await live({ folder, extension });
    const { size } = statSync(file);
    blank(file, Math.floor(size * 0.8), Math.ceil(size * 0.2));
    const part = await finish(livePart(extension, { expected: SECONDS * 0.8, recovered: true }));
    expect([part.verdict, part.why]).toEqual(['repaired', expect.stringMatching(/\S/)]);
    expect(part.duration).toBeGreaterThan(SECONDS * 0.8 - 2);
    expect(await decodeErrors(finished(extension))).toBe('');
  });

  test('a hole in the middle', async () => {
    const file = await live({ folder, extension });
    blank(file, 400_000, 60_000);
    const part = await finish(livePart(extension));
    expect(part.verdict).toBe('damaged');
    expect(part.why).toMatch(
      extension === 'mp4' ? /hold nothing but zeros|decode/ : /there is no (picture|sound) from 3\.\d s to/,
    );
    expect(part.live).toBe(`${START}.live.${extension}`);
  });

  test('shorter than the clock says, and longer', async () => {
    await live({ folder, extension });
    const longer = await finish(livePart(extension, { expected: SECONDS - 2 }));
    expect(longer).toMatchObject({
      verdict: 'damaged',
      why: expect.stringMatching(/^it lasts 8\.0 s, 2\.0 s more/),
    });
    const shorter = await finish(livePart(extension, { expected: SECONDS + 2 }));
    expect(shorter.why).toMatch(/^it lasts 8\.0 s, 2\.0 s less/);
  });

  test('no sound where there should be some', async () => {
    await live({ folder, extension, output: '-an' });
    expect(await finish(livePart(extension))).toMatchObject({
      verdict: 'damaged',
      why: 'there is no sound in it',
    });
  });

  test('only sound, as was to be', async () => {
    await live({ folder, extension, output: '-vn' });
    expect(await finish(livePart(extension, { kinds: ['audio'] }))).toMatchObject({
      verdict: 'ok',
      width: null,
    });
  });

  test('a pause of both: explained if the recorder knew of it', async () => {
    // The second half of the packets comes three seconds later.
    const late = 'setts=ts=TS+gte(TS*TB\\,4)*3/TB';
    await live({ folder, extension, output: `-bsf:v ${late} -bsf:a ${late}` });
    const expected = SECONDS + 3;
    const bare = await finish(livePart(extension, { expected }));
    expect(bare.verdict).toBe('damaged');
    expect(bare.why).toMatch(/^there is no picture from (3\.9|4\.0) s to 7\.\d s$/);
    const explained = await finish(
      livePart(extension, { expected, absences: [{ kind: 'both', from: 4.2, to: 6.8 }] }),
    );
    expect(explained).toMatchObject({ verdict: 'ok', why: '' });
    expect(explained.notes.join()).toContain('the publisher sent none');
  });

  test('sound that begins late and ends early', async () => {
    const source = await media(extension === 'mp4' ? 'h264' : 'vp8');
    const sound = join(folder, `sound.${extension}`);
    await ffmpeg('-t 3 -i {} -map 0:a -c copy {}', source, sound);
    await live({ folder, extension, input: `-itsoffset 3.5 -i ${sound}`, output: '-map 1:v -map 0:a' });
    const part = await finish(livePart(extension));
    expect(part.verdict).toBe('damaged');
    const said = [part.why, ...part.notes].join('\n');
    expect(said).toMatch(/picture begins 3\.[45]\d s before sound/);
    expect(said).toMatch(/there is no sound from 0\.0 s to 3\.5 s/);
    expect(said).toMatch(/there is no sound from 6\.5 s to 8\.0 s/);
  });

  test('a clock that went back', async () => {
    await live({ folder, extension });
    // Neither container would take such times from ffmpeg: they are put into a WebM by hand.
    if (extension !== 'webm') return;
    const file = join(folder, `${START}.live.webm`);
    const bytes = readFileSync(file);
    let at = -1;
    for (let cluster = 0; cluster < 6; cluster += 1) at = bytes.indexOf('1f43b675', at + 1, 'hex');
    // Its time is the first thing in a cluster: e7, its length, the time.
    at = bytes.indexOf(0xe7, at) + 2;
    const width = bytes.readUInt8(at - 1) - 0x80;
    bytes.writeUIntBE(Math.max(0, bytes.readUIntBE(at, width) - 1500), at, width);
    writeFileSync(file, bytes);
    const part = await finish(livePart(extension));
    expect(part.verdict).toBe('damaged');
    expect([part.why, ...part.notes].join('\n')).toMatch(/timestamps went back: a clock jumped/);
  });

  test('packets that were lost on the way', async () => {
    await live({ folder, extension });
    expect(await finish(livePart(extension, { lostPackets: 3 }))).toMatchObject({
      verdict: 'ok',
      notes: ['3 packets of 1003 did not reach the recorder'],
    });
  });
});

test.each(EXTENSIONS)('a change of size decodes through and is written down (%s)', async (extension) => {
  const encoder =
    extension === 'mp4' ? 'libx264 -preset ultrafast -bf 0' : 'libvpx -deadline realtime -cpu-used 8';
  const raw = extension === 'mp4' ? 'h264' : 'webm';
  for (const [name, size] of [
    ['a', '320x180'],
    ['b', '180x320'],
  ] as const) {
    await ffmpeg(
      `-f lavfi -i testsrc2=size=${size}:rate=30 -t 2 -c:v ${encoder} -g 30 -f ${raw} {}`,
      join(folder, name),
    );
  }
  const target = join(folder, `${START}.live.${extension}`);
  if (extension === 'mp4') {
    writeFileSync(
      join(folder, 'c'),
      Buffer.concat([readFileSync(join(folder, 'a')), readFileSync(join(folder, 'b'))]),
    );
    const flags = '-movflags +frag_keyframe+empty_moov+default_base_moof -f mp4';
    await ffmpeg(`-framerate 30 -f h264 -i {} -c copy ${flags} {}`, join(folder, 'c'), target);
  } else {
    writeFileSync(join(folder, 'list'), 'file a\nfile b\n');
    await ffmpeg('-f concat -i {} -c copy -live 1 -f webm {}', join(folder, 'list'), target);
  }
  const part = await finish(livePart(extension, { kinds: ['video'], expected: 4 }));
  expect(part).toMatchObject({ verdict: 'ok', width: 320, height: 180 });
  expect(part.notes).toEqual(['the picture changes its size: 320x180 at 0.0 s, 180x320 at 2.0 s']);
});

test('MP4 for VP8 is encoded anew, and as long and in sync', async () => {
  await live({ folder, extension: 'webm' });
  const part = await finish(livePart('webm'), { format: 'mp4' });
  expect(part).toMatchObject({ verdict: 'ok', file: `${START}.mp4`, codecs: ['h264', 'opus'], live: null });
  expect(order(finished('mp4'), 'mp4')).toBe('index first');
  expect((await packetsOf(finished('mp4'))).video.length).toBe(SECONDS * 30);
});

const canMount = process.getuid?.() === 0 && canMountTmpfs();
// Only root may mount; what is tested is that the file system is full, which a quota would do as well.
test.skipIf(!canMount)('a full disk: the recording is untouched, the verdict says why', async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', folder]);
  try {
    const file = await live({ folder, extension: 'mp4' });
    const before = readFileSync(file);
    writeFileSync(join(folder, 'ballast'), Buffer.alloc(2 * (1 << 20) - 300_000));
    const part = await finish(livePart('mp4'));
    expect(part).toMatchObject({
      verdict: 'damaged',
      why: 'it could not be finished: there is no space left on the disk',
      file: null,
      live: `${START}.live.mp4`,
    });
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(names()).toEqual([`${START}.live.mp4`, 'ballast'].sort());
    // Nor is what was known of it lost.
    const store = await Store.create(join(folder, 'store'));
    const { start } = await store.begin('a', 0);
    const id = { stream: 'a', start: startName(Date.parse(start)) };
    const notes = Array.from({ length: 200 }, () => 'x'.repeat(5000));
    const change = store.update(id, (known) => ({ ...known, parts: [{ ...livePart('mp4'), notes }] }));
    await expect(change).rejects.toThrow('ENOSPC');
    expect((await store.read(id)).metadata?.parts).toEqual([]);
    expect(readdirSync(store.folder(id))).toHaveLength(1);
    // It fills up while it is copied.
    const { remux } = await import('../../workers/ffmpeg/remux.ts');
    const target = join(folder, 'x.mp4');
    expect((await remux({ source: file, target, container: 'mp4' })).failure).toBe(
      'there is no space left on the disk',
    );
  } finally {
    execFileSync('umount', [folder]);
  }
});

test('minutes are finished in seconds', async () => {
  const source = await media('h264');
  const file = join(folder, `${START}.live.mp4`);
  const flags =
    '-movflags +frag_keyframe+empty_moov+default_base_moof+delay_moov -frag_duration 1000000 -f mp4';
  await ffmpeg(`-stream_loop 29 -i {} -c copy -t 240 ${flags} {}`, source, file);
  const begun = performance.now();
  const part = await finish(livePart('mp4', { expected: 240 }));
  expect(part).toMatchObject({ verdict: 'ok', why: '' });
  expect(performance.now() - begun).toBeLessThan(20_000);
}, 60_000);

// --- What a file is like, by other means than those under test ----------------------------

/** Whether the index comes before the media. */
function order(file: string, extension: Extension): 'index first' | 'media first' {
  const bytes = readFileSync(file).toString('latin1');
  const [index, first] = extension === 'mp4' ? ['moov', 'mdat'] : ['\x1c\x53\xbb\x6b', '\x1f\x43\xb6\x75'];
  expect(bytes).toContain(index);
  // The WebM's list of contents, at its beginning, names both as well: with `53 ab` before each.
  const at = (id: string) =>
    [...bytes.matchAll(new RegExp(`(?<!\\x53\\xab\\x84)${id}`, 'g'))][0]?.index ?? -1;
  return at(index) < at(first) ? 'index first' : 'media first';
}

async function packetsOf(file: string): Promise<{ audio: number[]; video: number[] }> {
  const schema = z.object({ packets: z.array(z.object({ codec_type: z.string(), pts_time: z.string() })) });
  const { packets } = schema.parse(await ffprobe(file, '-show_entries', 'packet=codec_type,pts_time'));
  const of = (kind: string) =>
    packets.filter((packet) => packet.codec_type === kind).map((packet) => Number(packet.pts_time));
  return { audio: of('audio'), video: of('video') };
}

/** What ffmpeg has to say of every frame. */
async function decodeErrors(file: string): Promise<string> {
  return execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
}

function canMountTmpfs(): boolean {
  try {
    const target = temporaryFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', target], { stdio: 'ignore' });
    execFileSync('umount', [target]);
    removeFolder(target);
    return true;
  } catch {
    return false;
  }
}
