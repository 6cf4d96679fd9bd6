/** Recordings as a recorder leaves them: fragmented MP4 and live WebM, and what becomes of those in accidents. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newPart, type Part } from '../../server/recordings/metadata.ts';
import { liveName, startName } from '../../server/recordings/names.ts';
import { findFfmpeg } from '../../workers/ffmpeg/binary.ts';
import { media } from './media.ts';

export type Extension = 'mp4' | 'webm';

export const STARTED = Date.UTC(2026, 10, 21, 13, 16, 58, 123);
export const START = startName(STARTED);
/** How long the recordings made here are. */
export const SECONDS = 8;

/** As the recorder has ffmpeg write them. */
const LIVE_MP4 =
  '-movflags +frag_keyframe+empty_moov+default_base_moof+delay_moov -frag_duration 1000000 -f mp4';
const LIVE_WEBM = '-cluster_time_limit 1000 -live 1 -f webm';

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'pharos-recordings-'));
}

/** Runs ffmpeg; arguments are words, `{}` stands for those that hold spaces. */
export async function ffmpeg(words: string, ...spaced: string[]): Promise<void> {
  const rest = [...spaced];
  const args = words.split(' ').map((word) => (word === '{}' ? (rest.shift() ?? '') : word));
  await promisify(execFile)(findFfmpeg(), ['-hide_banner', '-nostdin', '-loglevel', 'error', '-y', ...args]);
}

export type LiveOptions = {
  folder: string;
  extension: Extension;
  part?: number;
  /** Of ffmpeg, for the input and for the output. */
  input?: string;
  output?: string;
};

/** A live file in the folder: its path. */
export async function live({
  folder,
  extension,
  part = 1,
  input = '',
  output = '',
}: LiveOptions): Promise<string> {
  const source = await media(extension === 'mp4' ? 'h264' : 'vp8');
  const file = join(folder, liveName(START, part, extension));
  const format = extension === 'mp4' ? LIVE_MP4 : LIVE_WEBM;
  await ffmpeg(`${input} -i {} -c copy ${output} ${format} {}`.trim().replace(/ +/g, ' '), source, file);
  return file;
}

export function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

/** As after a crash in the middle of writing. */
export function truncate(file: string, bytes: number): void {
  writeFileSync(file, readFileSync(file).subarray(0, bytes));
}

/** As after a loss of power: the length is right, what was in it is not. */
export function blank(file: string, from: number, length: number): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(length), 0, length, from);
}

/** What the recorder says about such a file. */
export function livePart(extension: Extension, known: Partial<Part> = {}): Part {
  return newPart({
    start: new Date(STARTED).toISOString(),
    live: liveName(START, 1, extension),
    kinds: ['audio', 'video'],
    expected: SECONDS,
    receivedPackets: 1000,
    ...known,
  });
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** What the real ffprobe says, as an independent witness. */
export async function ffprobe(file: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)('ffprobe', ['-v', 'error', '-of', 'json', ...args, file], {
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout);
}
