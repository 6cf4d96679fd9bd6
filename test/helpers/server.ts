/** The real server, as an operator starts it: its own process, its own workers, settings by environment. */
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { startNode } from './child.ts';

export type TestServer = {
  readonly process: ChildProcess;
  readonly port: number;
  readonly url: string;
  readonly wsUrl: string;
  /** Everything it has printed so far. */
  output(): string;
  /** The log records with this message. */
  records(message: string): Record<string, unknown>[];
  /** Resolves with the first log record, past or future, that matches. */
  record(message: string, match?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Asks it to end as an operator does; resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
};

const logRecord = z.looseObject({ msg: z.string() });

export async function startServer(settings: Record<string, string | number> = {}): Promise<TestServer> {
  const { process: child, output, onOutput, directory } = await spawnServer(settings);
  const records = (message: string) => parseRecords(output()).filter(({ msg }) => msg === message);
  const record = (message: string, match: Record<string, unknown> = {}) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const look = () => {
        const found = records(message).find((fields) =>
          Object.entries(match).every(([name, value]) => fields[name] === value),
        );
        if (found) resolve(found);
        return found !== undefined;
      };
      if (look()) return;
      const off = onOutput(() => look() && off());
      child.once('exit', (code) =>
        reject(new Error(`the server exited (${code}) before "${message}":\n${output()}`)),
      );
    });
  const { port } = z.looseObject({ port: z.number() }).parse(await record('server up'));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
    rmSync(directory, { recursive: true, force: true });
    return child.exitCode;
  };
  return {
    process: child,
    port,
    url: `http://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${port}/ws`,
    output,
    records,
    record,
    stop,
  };
}

/** Starts a server that is expected to refuse; resolves with its exit code and all output. */
export async function startRefused(
  settings: Record<string, string | number>,
): Promise<{ code: number | null; output: string }> {
  const { process: child, output, directory } = await spawnServer(settings);
  await once(child, 'close');
  rmSync(directory, { recursive: true, force: true });
  return { code: child.exitCode, output: output() };
}

async function spawnServer(settings: Record<string, string | number>) {
  const directory = mkdtempSync(join(tmpdir(), 'pharos-test-'));
  const workers = 2;
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PHAROS_HTTP_HOST: '127.0.0.1',
    PHAROS_HTTP_PORT: '0',
    PHAROS_MEDIA_WORKERS: String(workers),
    PHAROS_MEDIA_PORT_BASE: String(await freePorts(workers)),
    PHAROS_MEDIA_LISTEN_ADDRESSES: '127.0.0.1',
    PHAROS_DATA_DIRECTORY: directory,
    PHAROS_LOG_FORMAT: 'json',
    // Clients of tests do not move elsewhere.
    PHAROS_LIMITS_DRAIN_TIME: '0',
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)])),
  };
  return { ...startNode(['server/main.ts'], env), directory };
}

function parseRecords(text: string): Record<string, unknown>[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [];
    const parsed = logRecord.safeParse(JSON.parse(line));
    return parsed.success ? [parsed.data] : [];
  });
}

/** The first of `count` consecutive ports that are free now, for TCP and UDP, outside the ephemeral range. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const base = 10_000 + Math.floor(Math.random() * 20_000);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(base + index)));
    if (free.every(Boolean)) return base;
  }
  throw new Error('no free ports found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    const udp = createSocket('udp4');
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () =>
      probe.close(() => {
        udp.once('error', () => resolve(false));
        udp.bind(port, '127.0.0.1', () => udp.close(() => resolve(true)));
      }),
    );
  });
}
