/** What a server's processes hold, from /proc. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The process and its children: the server and its media workers. */
export function family(pid: number | undefined): number[] {
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  return [Number(pid), ...children.trim().split(/\s+/).filter(Boolean).map(Number)].filter(isThere);
}

/** Resident memory of all of them. */
export function residentMegabytes(pid: number | undefined): number {
  const kilobytes = family(pid).map((each) => {
    const status = readFileSync(`/proc/${each}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  });
  return Math.round(kilobytes.reduce((sum, value) => sum + value, 0) / 1024);
}

/** Open file descriptors of all of them. */
export function descriptors(pid: number | undefined): number {
  return family(pid).reduce((sum, each) => sum + readdirSync(`/proc/${each}/fd`).length, 0);
}

function isThere(pid: number): boolean {
  try {
    readFileSync(`/proc/${pid}/status`);
    return true;
  } catch {
    return false;
  }
}
