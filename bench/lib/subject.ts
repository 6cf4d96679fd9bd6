/** The two servers that are compared: Pharos, and the bare one; each in processes of its own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { startNode } from '../../test/helpers/child.ts';
import { freePorts, startServer } from '../../test/helpers/server.ts';
import { childrenOf } from './processes.ts';

export type SubjectName = 'bare' | 'Pharos';
/** In this order in each round, so that what else the machine does meets both. */
export const SUBJECTS: readonly SubjectName[] = ['bare', 'Pharos'];

export type Subject = {
  readonly process: ChildProcess;
  readonly url: string;
  output(): string;
  stop(): Promise<unknown>;
};

export type SubjectOptions = {
  workers?: number;
  /** Node's own options, for both. */
  nodeOptions?: string;
  /** Of Pharos. */
  settings?: Record<string, string | number>;
};

/** Clients of a benchmark all come from one address. */
const UNLIMITED = {
  PHAROS_LIMITS_JOINS_PER_ADDRESS: 1_000_000,
  PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS: 100_000,
  PHAROS_LIMITS_HTTP_CONNECTIONS: 100_000,
  PHAROS_LIMITS_HTTP_CONNECTIONS_PER_ADDRESS: 100_000,
  PHAROS_LIMITS_IDLE_TIME: 3600,
  PHAROS_LIMITS_VIEWERS_PER_STREAM: 100_000,
  PHAROS_LIMITS_WAITING_VIEWERS: 100_000,
  PHAROS_LIMITS_MAX_LOAD: 1,
};

export function startSubject(name: SubjectName, options: SubjectOptions = {}): Promise<Subject> {
  const { workers = 1, nodeOptions = '', settings } = options;
  if (name === 'bare') return startBare(workers, nodeOptions);
  return startServer({
    ...UNLIMITED,
    PHAROS_MEDIA_WORKERS: workers,
    NODE_OPTIONS: nodeOptions,
    ...settings,
  });
}

async function startBare(workers: number, nodeOptions: string): Promise<Subject> {
  const script = join(import.meta.dirname, 'bare-server.ts');
  const { process: child, output } = startNode([script, String(workers), String(await freePorts(workers))], {
    PATH: process.env.PATH,
    NODE_OPTIONS: nodeOptions,
  });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  const subject = { process: child, url: '', output, stop };
  const { port } = z.looseObject({ port: z.number() }).parse(await told(subject, 'server up'));
  return { ...subject, url: `http://127.0.0.1:${port}` };
}

export function pidOf({ process: { pid } }: Subject): number {
  if (pid === undefined) throw new Error('the server did not start');
  return pid;
}

export function workersOf(subject: Subject): number[] {
  return childrenOf(pidOf(subject));
}

/** What to give as `nodeOptions` for `loopDelay`. */
export const LOOP_DELAY = `--import=${join(import.meta.dirname, 'loop-delay.ts')}`;

const loopDelays = z.object({ reading: z.number(), p50: z.number(), p99: z.number(), max: z.number() });
export type LoopDelay = Omit<z.infer<typeof loopDelays>, 'reading'>;

/** Milliseconds by which the server's event loop was late, since this was asked last. */
export async function loopDelay(subject: Subject): Promise<LoopDelay> {
  const reading = records(subject, 'loop delay').length;
  subject.process.kill('SIGUSR2');
  const { p50, p99, max } = loopDelays.parse(await told(subject, 'loop delay', reading));
  return { p50, p99, max };
}

/** The log record with this message, the first or a later one, once it is there. */
async function told(subject: Omit<Subject, 'url'>, message: string, index = 0): Promise<unknown> {
  for (;;) {
    const found = records(subject, message)[index];
    if (found) return found;
    if (subject.process.exitCode !== null) throw new Error(`the server exited:\n${subject.output()}`);
    await sleep(10);
  }
}

function records({ output }: Pick<Subject, 'output'>, message: string): unknown[] {
  const lines = output().split('\n').slice(0, -1);
  return lines.filter((line) => line.includes(`"msg":"${message}"`)).map((line) => JSON.parse(line));
}
