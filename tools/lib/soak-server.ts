/** A server of the soak's own: a process as an operator starts it, with short times of grace, and what is seen of it from outside. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RecordingList, recordingList } from '../../server/protocol/recordings.ts';

const ROOT = join(import.meta.dirname, '../..');
const KEY = randomBytes(24).toString('hex');
/** Seconds. What is dropped is forgotten soon, so that counts can be compared. */
const SETTINGS = {
  PHAROS_LIMITS_SESSION_GRACE: '2',
  PHAROS_LIMITS_PUBLISHER_GRACE: '2',
  PHAROS_LIMITS_MEDIA_SETUP_TIME: '10',
  PHAROS_MEDIA_ICE_CONSENT_TIMEOUT: '10',
  PHAROS_LIMITS_JOINS_PER_ADDRESS: '1000000',
  PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS: '10000',
  PHAROS_LIMITS_MAX_LOAD: '1',
};

export type Counts = {
  streams: number;
  viewers: number;
  waiting: number;
  publishers: number;
  transports: number;
  pipes: number;
  recording: number;
  finishing: number;
};

export type RecordedPart = { id: string } & RecordingList['recordings'][number]['parts'][number];

export class SoakServer {
  readonly url: URL;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #log: string[];

  private constructor(child: ChildProcess, directory: string, log: string[], port: number) {
    this.#child = child;
    this.#directory = directory;
    this.#log = log;
    this.url = new URL(`http://127.0.0.1:${port}/`);
  }

  /** Resolves when it is up. @throws Error with what it printed. */
  static async start(): Promise<SoakServer> {
    const directory = mkdtempSync(join(tmpdir(), 'pharos-soak-'));
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PHAROS_HTTP_HOST: '127.0.0.1',
      PHAROS_HTTP_PORT: '0',
      PHAROS_MEDIA_WORKERS: '2',
      PHAROS_MEDIA_PORT_BASE: String(randomInt(10_000, 30_000)),
      PHAROS_MEDIA_LISTEN_ADDRESSES: '127.0.0.1',
      PHAROS_AUTH_ADMIN_KEY: KEY,
      PHAROS_DATA_DIRECTORY: directory,
      PHAROS_LOG_FORMAT: 'json',
      ...SETTINGS,
    };
    const child = spawn(process.execPath, ['server/main.ts'], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    const log: string[] = [];
    const up = Promise.withResolvers<number>();
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      log.push(...lines.filter((line) => line.startsWith('{')));
      const started = lines.find((line) => line.includes('"msg":"server up"'));
      if (started) up.resolve(Number(/"port":(\d+)/.exec(started)?.[1]));
    });
    child.once('exit', (code) => up.reject(new Error(`the server ended (${code}):\n${log.join('\n')}`)));
    return new SoakServer(child, directory, log, await up.promise);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get socketUrl(): URL {
    return new URL(`ws://${this.url.host}/ws`);
  }

  /** Its log records of level error and above; a worker that was killed here is none of them. */
  errors(): string[] {
    return this.#log.filter((line) => /"level":(50|60)/.test(line) && !line.includes('media worker died'));
  }

  /** Its whole log, written to a file: the path. */
  keepLog(): string {
    const file = join(tmpdir(), `pharos-soak-${this.pid}.log`);
    writeFileSync(file, this.#log.join('\n'));
    return file;
  }

  /** @throws Error if `/metrics` does not answer. */
  async counts(): Promise<Counts> {
    const text = await (await this.#request('GET', 'metrics')).text();
    const sum = (name: string, labels = '') =>
      [...text.matchAll(new RegExp(`^${name}(?:\\{([^}]*)\\})? (\\S+)$`, 'gm'))]
        .filter(([, given = '']) => given.includes(labels))
        .reduce((total, [, , value]) => total + Number(value), 0);
    return {
      streams: sum('pharos_streams'),
      viewers: sum('pharos_viewers'),
      waiting: sum('pharos_viewers_waiting'),
      publishers: sum('pharos_publishers'),
      transports: sum('pharos_worker_transports'),
      pipes: sum('pharos_worker_pipes'),
      recording: sum('pharos_recordings', 'state="recording"'),
      finishing: sum('pharos_recordings', 'state="finishing"'),
    };
  }

  /** Of each part of each recording: what became of it, and why. */
  async recordings(): Promise<RecordedPart[]> {
    const { recordings } = recordingList.parse(await (await this.#request('GET', 'api/recordings')).json());
    return recordings.flatMap(({ id, parts }) => parts.map((part) => ({ id, ...part })));
  }

  /** The status. */
  async record(stream: string, on: boolean): Promise<number> {
    const response = await this.#request(on ? 'POST' : 'DELETE', `api/streams/${stream}/recording`);
    await response.body?.cancel();
    return response.status;
  }

  /** Its own and its media workers' resident memory, in MB; an ffmpeg that records comes and goes. */
  memory(): { server: number; workers: number } {
    const workers = this.#workers().reduce((sum, pid) => sum + resident(pid), 0);
    return { server: Math.round(resident(this.pid)), workers: Math.round(workers) };
  }

  /** How many ffmpeg processes it has. */
  ffmpegs(): number {
    return descendants(this.pid).filter(
      ({ command }) => /\bffmpeg\b/.test(command) && !/\bsh\b/.test(command),
    ).length;
  }

  killWorker(index: number): void {
    const pid = this.#workers().at(index);
    if (pid) process.kill(pid, 'SIGKILL');
  }

  /** Ends it in order: how many processes of it are left. Its files go too. */
  async stop(): Promise<number> {
    const all = descendants(this.pid);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await gone;
    }
    rmSync(this.#directory, { recursive: true, force: true });
    return all.filter(({ pid, command }) => commandOf(pid) === command).length;
  }

  #workers(): number[] {
    return descendants(this.pid).flatMap(({ pid, command }) =>
      command.includes('mediasoup-worker') ? pid : [],
    );
  }

  #request(method: string, path: string): Promise<Response> {
    return fetch(new URL(path, this.url), {
      method,
      headers: { Authorization: `Bearer ${KEY}` },
      signal: AbortSignal.timeout(10_000),
    });
  }
}

type Process = { pid: number; command: string };

function descendants(pid: number): Process[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.flatMap(([child = 0, ppid]) => (ppid === parent ? [child, ...below(child)] : []));
  return below(pid).map((each) => ({ pid: each, command: commandOf(each) }));
}

/** Empty for a process that is gone. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Megabytes. */
function resident(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
