/** What processes use of the machine, by Linux's /proc (proc(5)); elsewhere only of this process something is known. */
import { lookup } from 'node:dns/promises';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { cpus, networkInterfaces } from 'node:os';
import { basename } from 'node:path';

/** Linux counts CPU time in hundredths of a second for everybody who reads it (USER_HZ). */
const TICKS = 100;
/** Which of the figures after "Udp:" it is. */
const RCVBUF_ERRORS = 5;

/** A process at one moment; CPU in seconds since it began. */
export type Sample = {
  pid: number;
  name: string;
  cpu: number;
  threads: ReadonlyMap<number, number>;
  rss: number;
};

/** A process between two moments; CPU as shares of one core. */
export type Usage = {
  pid: number;
  name: string;
  cpu: number;
  /** A thread that is near one core is at its limit, whatever else is idle. */
  busiestThread: number | undefined;
  /** Bytes, at the second moment. */
  rss: number;
};

/** This process, wherever it runs. */
export function sampleSelf(): Sample {
  const { user, system } = process.cpuUsage();
  const elsewhere = { threads: new Map(), rss: process.memoryUsage.rss() };
  const { pid } = process;
  return sample(pid) ?? { pid, name: 'node', cpu: (user + system) / 1e6, ...elsewhere };
}

/** How long the cores of this machine have worked, in seconds. */
export function machineBusy(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}

/** Datagrams that this machine has dropped as nobody took them in time, whoever was to: no fault of a network's. */
export function droppedDatagrams(): number {
  try {
    const [, values = ''] = /^Udp: .*\n(Udp: .*)/m.exec(readFileSync('/proc/net/snmp', 'utf8')) ?? [];
    const over6 = /^Udp6RcvbufErrors\s+(\d+)/m.exec(readFileSync('/proc/net/snmp6', 'utf8'))?.[1];
    return Number(values.split(' ')[RCVBUF_ERRORS] ?? 0) + Number(over6 ?? 0);
  } catch {
    return 0; // no Linux
  }
}

/** The process and all that it has started; none where there is no such process, or no /proc. */
export function sampleTree(pid: number): Sample[] {
  const own = sample(pid);
  return own ? [own, ...childrenOf(pid).flatMap(sampleTree)] : [];
}

/** What was used meanwhile. A process that began in between began at nothing. */
export function usage(before: readonly Sample[], after: readonly Sample[], seconds: number): Usage[] {
  return after.map(({ pid, name, cpu, threads, rss }) => {
    const then = before.find((sample) => sample.pid === pid);
    const grown = [...threads].map(([thread, time]) => time - (then?.threads.get(thread) ?? 0));
    return {
      pid,
      name,
      cpu: (cpu - (then?.cpu ?? 0)) / seconds,
      busiestThread: grown.length > 0 ? Math.max(...grown) / seconds : undefined,
      rss,
    };
  });
}

export function sample(pid: number): Sample | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map(Number);
    return {
      pid,
      name: nameOf(pid),
      cpu: cpuSeconds(`/proc/${pid}/stat`) ?? 0,
      threads: new Map(
        threads.map((thread) => [thread, cpuSeconds(`/proc/${pid}/task/${thread}/stat`) ?? 0]),
      ),
      rss: 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
    };
  } catch {
    return undefined; // over, or no Linux
  }
}

function nameOf(pid: number): string {
  const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  return basename(program);
}

/** utime and stime. The name that comes before may hold anything, parentheses too. */
function cpuSeconds(file: string): number | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return undefined; // a thread that ended meanwhile
  }
}

function childrenOf(pid: number): number[] {
  try {
    // Of every thread: a child belongs to the one that started it.
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Which process listens there, if it is on this machine and ours to look at. */
export async function listenerAt(url: URL): Promise<number | undefined> {
  const port = Number(url.port || (/s:$/.test(url.protocol) ? 443 : 80));
  try {
    return (await isLocal(url)) ? processWith(listening(port)) : undefined;
  } catch {
    return undefined;
  }
}

async function isLocal({ hostname }: URL): Promise<boolean> {
  const { address } = await lookup(hostname.replace(/^\[|\]$/g, ''));
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return /^127\./.test(address) || own.some((each) => each.address === address);
}

/** The inodes of the sockets that listen on a port. */
function listening(port: number): Set<string> {
  const LISTEN = '0A';
  const inodes = ['tcp', 'tcp6'].flatMap((protocol) =>
    readFileSync(`/proc/net/${protocol}`, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
        const found = state === LISTEN && Number.parseInt(local.split(':')[1] ?? '', 16) === port;
        return found && inode ? [inode] : [];
      }),
  );
  return new Set(inodes);
}

function processWith(inodes: ReadonlySet<string>): number | undefined {
  const sockets = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).find((pid) => filesOf(pid).some((file) => sockets.has(file)));
}

function filesOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return []; // closed meanwhile
      }
    });
  } catch {
    return []; // over, or somebody else's
  }
}
