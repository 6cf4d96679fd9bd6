/** CPU time by process and thread, to the microsecond: Linux's /proc, where `stat` has but hundredths of a second. */
import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds by thread id. */
type Threads = Map<string, number>;
type Moment = { at: number; processes: Map<number, Threads>; machine: number[] };

/** Percent of a core. */
export type ProcessShare = { cpu: number /** Node's own thread. */; main: number; busiest: number };

export class CpuWindow {
  readonly #pids: readonly number[];
  #start: Moment;
  #end: Moment;

  /** Begins now. */
  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#start = moment(pids);
    this.#end = this.#start;
  }

  end(): void {
    this.#end = moment(this.#pids);
  }

  get seconds(): number {
    return (this.#end.at - this.#start.at) / 1000;
  }

  /** Of one process, or of several together; of those the busiest single thread. */
  of(pids: readonly number[]): ProcessShare {
    const share = { cpu: 0, main: 0, busiest: 0 };
    for (const pid of pids) {
      const before = this.#start.processes.get(pid);
      for (const [thread, time] of this.#end.processes.get(pid) ?? []) {
        const percent = (time - (before?.get(thread) ?? 0)) / this.seconds / 1e7;
        share.cpu += percent;
        if (thread === String(pid)) share.main += percent;
        share.busiest = Math.max(share.busiest, percent);
      }
    }
    return share;
  }

  /** Percent of the whole machine. */
  machine(): { busy: number; idle: number; steal: number } {
    const spent = this.#end.machine.map((time, index) => time - (this.#start.machine[index] ?? 0));
    const total = spent.reduce((sum, time) => sum + time, 0);
    const [, , , idle = 0, wait = 0, , , steal = 0] = spent;
    const percent = (time: number) => (time / total) * 100;
    return {
      busy: percent(total - idle - wait - steal),
      idle: percent(idle + wait),
      steal: percent(steal),
    };
  }
}

function moment(pids: readonly number[]): Moment {
  const processes = new Map(pids.map((pid) => [pid, threadsOf(pid)]));
  // proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  return { at: performance.now(), processes, machine: line.trim().split(/\s+/).slice(1, 9).map(Number) };
}

function threadsOf(pid: number): Threads {
  const threads: Threads = new Map();
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [time] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      threads.set(thread, Number(time));
    }
  } catch {
    // A thread, or the process, ended meanwhile.
  }
  return threads;
}
