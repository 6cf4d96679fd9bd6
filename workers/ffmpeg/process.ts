import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import { ffmpegEnvironment, findFfmpeg } from './binary.ts';
import { LineReader } from './lines.ts';
import { dieWithUs } from './reaper.ts';

export type FfmpegOptions = {
  /** Inputs and outputs; what concerns the process itself is added here. */
  args: readonly string[];
  /** Must not be seen in what it says. The rest of addresses after the port is never seen. */
  secrets?: readonly string[];
};

export type FfmpegExit = {
  /** null if it was ended by a signal, or never ran. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Whether `stop` was called before. */
  stopped: boolean;
};

export type FfmpegEvents = {
  /** It said something: a warning or an error, secrets taken out. */
  line: [string];
  exit: [FfmpegExit];
};

const MAX_LINES = 30;
const STOP_DEADLINE_MS = 2000;

/** One run of ffmpeg. It ends by itself, by `stop`, or with the server, however that ends. */
export class FfmpegProcess extends EventEmitter<FfmpegEvents> {
  readonly #child: ChildProcess;
  readonly #secrets: readonly string[];
  readonly #lines: string[] = [];
  readonly #exit: Promise<FfmpegExit>;
  #ended = false;
  #stopped = false;

  private constructor(child: ChildProcess, secrets: readonly string[]) {
    super();
    this.#child = child;
    // Longest first, or a part of it would be left.
    this.#secrets = secrets.filter((secret) => secret.length > 2).sort((a, b) => b.length - a.length);
    this.#exit = new Promise((resolve) => this.once('exit', resolve));
  }

  /** Starts it. That it could not be started is told as an exit too. */
  static start({ args, secrets = [] }: FfmpegOptions): FfmpegProcess {
    const own = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'warning'];
    const child = spawn(findFfmpeg(), [...own, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: ffmpegEnvironment(),
      // A group of its own: Ctrl-C in a terminal is for the server, which then ends this in order.
      detached: true,
    });
    const ffmpeg = new FfmpegProcess(child, secrets);
    ffmpeg.#watch();
    dieWithUs(child);
    return ffmpeg;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The last things it said. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Lets it finish what it writes; kills it at the deadline. Resolves when it is gone. */
  stop(deadlineMs = STOP_DEADLINE_MS): Promise<FfmpegExit> {
    if (this.#ended || this.#stopped) return this.#exit;
    this.#stopped = true;
    this.#child.kill('SIGTERM');
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), deadlineMs);
    this.once('exit', () => clearTimeout(deadline));
    return this.#exit;
  }

  #watch(): void {
    const { stderr } = this.#child;
    if (stderr) readLines(stderr, (line) => this.#stderrOnLine(line));
    // 'close' comes after the last line; without a process there is none.
    this.#child.once('close', (code, signal) => this.#childOnEnd(code, signal));
    this.#child.on('error', (error) => {
      this.#stderrOnLine(error.message);
      if (this.#child.pid === undefined) this.#childOnEnd(null, null);
    });
  }

  #stderrOnLine(line: string): void {
    const seen = this.#redacted(line);
    this.#lines.push(seen);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    this.emit('line', seen);
  }

  #childOnEnd(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.emit('exit', { code, signal, stopped: this.#stopped });
  }

  #redacted(line: string): string {
    const shown = line.replace(ADDRESS, '$1$2');
    return this.#secrets.reduce((text, secret) => text.replaceAll(secret, '***'), shown);
  }
}

/** An address with its credentials, path and query: scheme, host and port may be seen. */
const ADDRESS = /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s'"/]*@)?([^\s'"/?#@]*)[^\s'"]*/gi;

function readLines(stream: Readable, onLine: (line: string) => void): void {
  const reader = new LineReader(onLine);
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => reader.push(chunk));
  stream.once('end', () => reader.end());
}
