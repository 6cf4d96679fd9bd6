/**
 * One run of ffmpeg over files, or over what it is handed, from start to end. Unlike a live process it
 * may take its time: it runs at a low priority, so that streams do not feel it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { Readable } from 'node:stream';
import { ffmpegEnvironment, findFfmpeg } from './binary.ts';
import { LineReader } from './lines.ts';
import { dieWithUs } from './reaper.ts';

export type Run = {
  /** Inputs and outputs; what concerns the process itself is added here. */
  args: readonly string[];
  /** What it reads as `pipe:0`. */
  input?: Uint8Array;
  /** Each line of its standard output. */
  onOutput?: (line: string) => void;
  /** Its standard output, where that is no text. */
  onData?: (chunk: Buffer) => void;
  /** Each line that is no error. */
  onInfo?: (line: string) => void;
  /** The least that it says. */
  level?: 'info' | 'warning' | 'error';
  signal?: AbortSignal | undefined;
};

export type RunResult = {
  ok: boolean;
  /** The first of what it calls errors, and how many there were. */
  errors: readonly string[];
  errorCount: number;
};

const MAX_ERRORS = 20;

/** @throws the signal's reason when it is aborted; the process is gone then. */
export async function run({
  args,
  input,
  onOutput,
  onData,
  onInfo,
  level = 'warning',
  signal,
}: Run): Promise<RunResult> {
  signal?.throwIfAborted();
  const own = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', `level+${level}`];
  const child = spawn(findFfmpeg(), [...own, ...args], {
    stdio: [input ? 'pipe' : 'ignore', onOutput || onData ? 'pipe' : 'ignore', 'pipe'],
    env: ffmpegEnvironment(),
    detached: true,
  });
  dieWithUs(child);
  lowerPriority(child);
  const errors: string[] = [];
  let errorCount = 0;
  const onLine = (line: string) => {
    const text = errorText(line);
    if (text === undefined) return onInfo?.(line);
    errorCount += 1;
    if (errors.length < MAX_ERRORS) errors.push(text);
  };
  // It may end before it has read all.
  child.stdin?.on('error', () => undefined).end(input);
  if (child.stdout && onOutput) readLines(child.stdout, onOutput);
  if (child.stdout && onData) child.stdout.on('data', onData);
  if (child.stderr) readLines(child.stderr, onLine);
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  const code = await ended(child, (error) => onLine(`[error] ${error.message}`));
  signal?.removeEventListener('abort', kill);
  signal?.throwIfAborted();
  return { ok: code === 0, errors, errorCount };
}

/** Whether it could be started or not, this resolves: null if it did not end by itself. */
function ended(child: ChildProcess, onError: (error: Error) => void): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('close', resolve);
    child.on('error', (error) => {
      onError(error);
      if (child.pid === undefined) resolve(null);
    });
  });
}

function lowerPriority({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system does not let us: then it runs as it is.
  }
}

/** `[mov,mp4 @ 0x55…] [error] moov atom not found` -> `moov atom not found`. */
function errorText(line: string): string | undefined {
  return /^(?:\[[^\]]* @ [^\]]*\] )*\[(?:error|fatal|panic)\]\s*(.*)$/.exec(line)?.[1];
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  const reader = new LineReader(onLine);
  stream.setEncoding('latin1');
  stream.on('data', (chunk: string) => reader.push(chunk));
  stream.once('end', () => reader.end());
}
