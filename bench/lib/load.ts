/** A server with a publisher and viewers under load, and what it costs. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Audience } from './audience.ts';
import { CpuWindow, type ProcessShare } from './cpu.ts';
import { childrenOf, residentMemory } from './processes.ts';
import { droppedBy } from './sockets.ts';
import { publishSource, type Source, STREAM } from './source.ts';
import { pidOf, type Subject, type SubjectName, startSubject, workersOf } from './subject.ts';

/** Viewers whose packets are counted: each costs several times what one does that leaves them alone. */
const COUNTED = 10;
/** A process of viewers receives in one thread. */
const VIEWERS_PER_PROCESS = 100;
/** Joins and their handshakes are over, and the kernel has calmed down. */
const SETTLE = 2_000;
/** Long enough for a report and a check of ICE consent of each viewer. */
const BREATH = 1_500;
/** Pharos looks at each packet of a new publisher for some seconds: encoder-trace.ts. */
export const STARTED = '8';

export type LoadOptions = {
  workers: number;
  /**
   * All viewers but the counted ones are stopped while something is measured. The server sends to them
   * all the same; on the cores that receiving would take it can be seen with more viewers.
   */
  parked: boolean;
  /** Seconds from the publisher's start to the first measurement, at least. */
  settle: number;
};

export class Load {
  readonly subject: Subject;
  readonly source: Source;
  viewers = 0;
  readonly #parked: boolean;
  readonly #counted = new Audience();
  readonly #crowd: Audience[] = [];
  readonly #started: Promise<void>;

  private constructor(subject: Subject, source: Source, { parked, settle }: LoadOptions) {
    this.subject = subject;
    this.source = source;
    this.#parked = parked;
    this.#started = sleep(settle * 1000);
  }

  static async create(name: SubjectName, options: LoadOptions): Promise<Load> {
    // Who is stopped is silent.
    const settings = { PHAROS_MEDIA_ICE_CONSENT_TIMEOUT: 60 };
    const subject = await startSubject(name, { workers: options.workers, settings });
    try {
      return new Load(subject, await publishSource(subject.url), options);
    } catch (error) {
      await subject.stop();
      throw error;
    }
  }

  /** Resolves with why some could not join. */
  async add(count: number): Promise<string[]> {
    const url = `${this.subject.url}/whep/${STREAM}`;
    const counted = Math.max(0, Math.min(count, COUNTED - this.viewers));
    const failures: string[] = [];
    const join = async (audience: Audience, options: { count: number; counted?: number }) => {
      const joined = await audience.ask('join', { url, ...options });
      this.viewers += joined.joins.length;
      failures.push(...joined.failures);
    };
    if (counted > 0) await join(this.#counted, { count: counted, counted });
    for (let left = count - counted; left > 0; left -= VIEWERS_PER_PROCESS) {
      const audience = new Audience();
      this.#crowd.push(audience);
      await join(audience, { count: Math.min(left, VIEWERS_PER_PROCESS) });
      if (this.#parked) audience.pause();
    }
    return failures;
  }

  /** Megabytes: Node and workers. */
  memory(): number {
    return residentMemory([pidOf(this.subject), ...workersOf(this.subject)]);
  }

  async measure(seconds: number): Promise<LoadFigures> {
    if (this.#parked) await this.#breathe();
    await Promise.all([sleep(SETTLE), this.#started]);
    const node = [pidOf(this.subject)];
    const workers = workersOf(this.subject);
    const audience = [this.#counted, ...this.#crowd].map(({ pid }) => pid);
    // And ffmpeg.
    const others = childrenOf(process.pid).filter((pid) => ![...node, ...audience].includes(pid));
    const publisher = [process.pid, ...others];
    await this.#counted.ask('count');
    const before = this.#counters(workers, audience);
    const window = new CpuWindow([...node, ...workers, ...audience, ...publisher]);
    await sleep(seconds * 1000);
    window.end();
    const after = this.#counters(workers, audience);
    const { packets, lost } = await this.#counted.ask('counts');
    const machine = window.machine();
    const ours = window.of([...node, ...workers, ...audience, ...publisher]).cpu;
    return {
      packets: ((after.sent - before.sent) * this.viewers) / window.seconds,
      loss: (lost / (packets + lost)) * 100,
      drops: { server: after.server - before.server, viewers: after.viewers - before.viewers },
      node: window.of(node),
      workers: workers.map((pid) => window.of([pid])),
      viewers: window.of(audience),
      publisher: window.of(publisher),
      others: Math.max(0, machine.busy * cpus().length - ours),
      machine,
    };
  }

  /** Pharos takes viewers that are silent for a minute for gone. */
  async #breathe(): Promise<void> {
    for (const audience of this.#crowd) audience.resume();
    await sleep(BREATH);
    for (const audience of this.#crowd) audience.pause();
  }

  async close(): Promise<void> {
    await Promise.all([this.#counted, ...this.#crowd].map((audience) => audience.close()));
    await this.source.stop();
    await this.subject.stop();
  }

  #counters(workers: number[], audience: number[]) {
    return {
      sent: this.source.client.stats().packets,
      server: droppedBy(workers),
      viewers: this.#parked ? Number.NaN : droppedBy(audience),
    };
  }
}

export type LoadFigures = {
  /** That the server was to send, a second: those of the publisher, times viewers. */
  packets: number;
  /** Percent of what the counted viewers were to get. */
  loss: number;
  /** Packets that came faster than they were read, by whose sockets. */
  drops: { server: number; viewers: number };
  node: ProcessShare;
  workers: ProcessShare[];
  viewers: ProcessShare;
  publisher: ProcessShare;
  /** Processes that are not of this measurement. */
  others: number;
  machine: { idle: number; steal: number };
};
