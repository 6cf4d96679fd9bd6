/** Packets that came to a process faster than it read them: Linux's /proc/net/udp. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Of all UDP sockets that these processes have, since those were opened. */
export function droppedBy(pids: readonly number[]): number {
  const own = new Set(pids.flatMap(socketsOf));
  let dropped = 0;
  for (const file of ['/proc/net/udp', '/proc/net/udp6']) {
    for (const line of readFileSync(file, 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (own.has(fields[9] ?? '')) dropped += Number(fields[12]);
    }
  }
  return dropped;
}

/** Inodes. */
function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return []; // closed meanwhile
    }
  });
}
