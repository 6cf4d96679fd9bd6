import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { ffmpegEnvironment, findFfmpeg } from '../binary.ts';
import { LineReader } from '../lines.ts';
import { dieWithUs } from '../reaper.ts';
import type { TrackFormat } from './frames.ts';
import { matroskaFrame, matroskaHeader } from './matroska.ts';

export type FileFormat = 'webm' | 'mp4';

export type WriterEnd = {
  /** 'finished': all that was given is in the file, and the file is ended in order. */
  reason: 'finished' | 'died' | 'stalled' | 'disk_full';
  /** What ffmpeg said last. */
  lines: readonly string[];
};

export type WriterOptions = {
  /** Must not be there yet. */
  file: string;
  format: FileFormat;
  tracks: readonly TrackFormat[];
  /** After how many milliseconds without taking anything it is killed. */
  stallTime: number;
};

/** So long frames are gathered: each write wakes ffmpeg. */
const BATCH_MS = 40;
/** What a crash may lose lies between frames that ffmpeg has and those that it has handed to the kernel. */
const FRAGMENT_MS = 500;
/** How long a track waits for another to come before it in the file. */
const INTERLEAVE_MS = 250;
/** And what a loss of power may: so often the kernel is told to bring the file to the disk. */
const SYNC_MS = 1000;
const MAX_PENDING_BYTES = 64 << 20;
const FINISH_DEADLINE_MS = 5000;
const MAX_LINES = 30;

/** One file that is written by one ffmpeg, which gets frames, and copies them; but for G.711, of which it makes Opus. */
export class Writer extends EventEmitter<{ end: [WriterEnd] }> {
  readonly #file: string;
  readonly #stallTime: number;
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #lines: string[] = [];
  readonly #end: Promise<WriterEnd>;
  #ended = false;
  #finishing = false;
  #stalled = false;
  #batch: Buffer[] = [];
  #batchTimer: NodeJS.Timeout | undefined;
  /** When ffmpeg last took something, or had all. */
  #takenAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #handle: FileHandle | undefined;
  #syncing = false;

  private constructor({ file, stallTime }: WriterOptions, child: ChildProcess, input: Writable) {
    super();
    this.#file = file;
    this.#stallTime = stallTime;
    this.#child = child;
    this.#input = input;
    this.#end = new Promise((resolve) => this.once('end', resolve));
  }

  /** That it could not be started is told as its end. */
  static start(options: WriterOptions): Writer {
    const { file, format, tracks } = options;
    const child = spawn(findFfmpeg(), args(file, format, tracks), {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: ffmpegEnvironment(),
      // A group of its own: Ctrl-C in a terminal is for the server, which then ends this in order.
      detached: true,
    });
    const writer = new Writer(options, child, child.stdin);
    writer.#watch(child.stderr);
    dieWithUs(child);
    child.stdin.write(matroskaHeader(tracks));
    return writer;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** @param track From one, in the order of the tracks given. */
  write(track: number, ticks: number, key: boolean, data: Buffer): void {
    if (this.#ended || this.#finishing) return;
    this.#batch.push(matroskaFrame(track, ticks, key, data));
    this.#batchTimer ??= setTimeout(() => this.#flush(), BATCH_MS);
  }

  /** Ends the file; kills ffmpeg at the deadline. Resolves when it is gone. */
  finish(deadlineMs = FINISH_DEADLINE_MS): Promise<WriterEnd> {
    if (this.#ended || this.#finishing) return this.#end;
    this.#flush();
    this.#finishing = true;
    this.#input.end();
    const deadline = setTimeout(() => this.#stall(), deadlineMs);
    this.once('end', () => clearTimeout(deadline));
    return this.#end;
  }

  #watch(stderr: NodeJS.ReadableStream): void {
    const reader = new LineReader((line) => this.#stderrOnLine(line));
    stderr.setEncoding('utf8');
    stderr.on('data', (chunk: string) => reader.push(chunk));
    stderr.once('end', () => reader.end());
    // It may end before it has taken all; its exit says so.
    this.#input.on('error', () => undefined);
    // 'close' comes after the last line; without a process there is none.
    this.#child.once('close', (code) => this.#childOnEnd(code));
    this.#child.once('error', (error) => {
      this.#stderrOnLine(error.message);
      if (this.#child.pid === undefined) this.#childOnEnd(null);
    });
    this.#timer = setInterval(() => this.#onTimer(), SYNC_MS);
  }

  #flush(): void {
    clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
    const batch = Buffer.concat(this.#batch);
    this.#batch = [];
    if (batch.length === 0 || this.#ended) return;
    if (this.#input.writableLength === 0) this.#takenAt = performance.now();
    this.#input.write(batch, () => {
      this.#takenAt = performance.now();
    });
    if (this.#input.writableLength > MAX_PENDING_BYTES) this.#stall();
  }

  #onTimer(): void {
    if (this.#input.writableLength > 0 && performance.now() - this.#takenAt > this.#stallTime) this.#stall();
    void this.#sync();
  }

  #stall(): void {
    if (this.#stalled) return;
    this.#stalled = true;
    this.#child.kill('SIGKILL');
  }

  #stderrOnLine(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  #childOnEnd(code: number | null): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    clearTimeout(this.#batchTimer);
    void this.#lastSync();
    this.emit('end', { reason: this.#reason(code), lines: this.#lines });
  }

  #reason(code: number | null): WriterEnd['reason'] {
    if (this.#lines.some((line) => line.includes('No space left on device'))) return 'disk_full';
    if (this.#stalled) return 'stalled';
    return this.#finishing && code === 0 ? 'finished' : 'died';
  }

  async #sync(): Promise<void> {
    if (this.#syncing) return;
    this.#syncing = true;
    try {
      this.#handle ??= await openNew(this.#file);
      await this.#handle.datasync();
    } catch {
      // Not there yet, or gone; or a file system that can't.
    } finally {
      this.#syncing = false;
      if (this.#ended) await this.#close();
    }
  }

  async #lastSync(): Promise<void> {
    if (this.#syncing) return;
    await this.#sync();
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}

/** That the folder names the file has to reach the disk too. */
async function openNew(file: string): Promise<FileHandle> {
  const handle = await open(file, 'r');
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return handle;
}

function args(file: string, format: FileFormat, tracks: readonly TrackFormat[]): string[] {
  const common = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'warning'];
  // Which of its frames wait for others, ffmpeg has to find out by itself; else all is in the header.
  const reordered = tracks.some((track) => track.codec === 'H264' && track.reordered);
  const probing = reordered ? ['-analyzeduration', '2M'] : ['-nofind_stream_info', '-guess_layout_max', '0'];
  const input = [...probing, '-f', 'matroska', '-i', 'pipe:0'];
  const copy = ['-map', '0', '-c', 'copy', '-copyts', '-max_interleave_delta', String(INTERLEAVE_MS * 1000)];
  // Matroska tells when a frame is shown, not when it is decoded; of H.264 ffmpeg would guess. Here it is the same.
  if (!reordered && tracks.some(({ codec }) => codec === 'H264')) copy.push('-bsf:v', 'setts=ts=PTS');
  // Files for browsers cannot hold it. Where packets are missing there is silence.
  if (tracks.some(({ codec }) => codec === 'PCMU' || codec === 'PCMA')) {
    copy.push('-c:a', 'libopus', '-b:a', '32k', '-application', 'voip', '-af', 'aresample=48000:async=1');
  }
  const output = ['-avoid_negative_ts', 'disabled', '-flush_packets', '1', ...FORMAT[format]];
  return [...common, ...input, ...copy, ...output, `file:${file}`];
}

const FORMAT: Record<FileFormat, string[]> = {
  webm: ['-f', 'webm', '-cluster_time_limit', String(FRAGMENT_MS)],
  mp4: [
    ...['-f', 'mp4', '-movflags', '+empty_moov+default_base_moof+frag_discont', '-use_editlist', '0'],
    ...['-frag_duration', String(FRAGMENT_MS * 1000), '-video_track_timescale', '90000'],
  ],
};
