/** What a process and its children hold, by Linux's /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export type Holdings = { 'RSS (MB)': number; 'open files': number; 'bound ports': number };

/** Of the server and its media workers: one row each. */
export function holdings(pid: number): Record<string, Holdings> {
  const bound = boundSockets();
  const rows: [string, Holdings][] = [['server', holdingsOf(pid, bound)]];
  for (const [index, child] of childrenOf(pid).entries()) {
    rows.push([`media worker ${index}`, holdingsOf(child, bound)]);
  }
  return Object.fromEntries(rows);
}

/** The same with the workers taken together. */
export function summedHoldings(pid: number) {
  const { server, ...workers } = holdings(pid);
  const all = Object.values(workers);
  const sum = (name: keyof Holdings) => all.reduce((total, row) => total + row[name], 0);
  return {
    'Node RSS (MB)': server?.['RSS (MB)'] ?? Number.NaN,
    'Node files': server?.['open files'] ?? Number.NaN,
    'workers RSS (MB)': Math.round(sum('RSS (MB)') * 10) / 10,
    'workers files': sum('open files'),
    'bound ports': (server?.['bound ports'] ?? 0) + sum('bound ports'),
  };
}

function holdingsOf(pid: number, bound: Map<string, string>): Holdings {
  const files = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
  const ports = new Set(
    files.flatMap((file) => {
      const port = bound.get(/^socket:\[(\d+)\]$/.exec(file)?.[1] ?? '');
      return port ? [port] : [];
    }),
  );
  return {
    'RSS (MB)': Math.round(residentMemory([pid]) * 10) / 10,
    'open files': files.length,
    'bound ports': ports.size,
  };
}

export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

/** Megabytes, of all of them. */
export function residentMemory(pids: readonly number[]): number {
  const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]));
  return (pages.reduce((sum, each) => sum + each, 0) * PAGE) / 1e6;
}

const PAGE = 4096;

/** Protocol and local port of each inode: UDP, and TCP that listens. */
function boundSockets(): Map<string, string> {
  const LISTEN = '0A';
  return new Map(
    ['udp', 'udp6', 'tcp', 'tcp6'].flatMap((protocol) =>
      readFileSync(`/proc/net/${protocol}`, 'utf8')
        .split('\n')
        .slice(1)
        .flatMap((line) => {
          const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
          if (!local || !inode || (protocol.startsWith('tcp') && state !== LISTEN)) return [];
          return [[inode, `${protocol} ${local}`] as const];
        }),
    ),
  );
}
