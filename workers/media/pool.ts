import { EventEmitter } from 'node:events';
import { availableParallelism, networkInterfaces } from 'node:os';
import type { types } from 'mediasoup';
import * as mediasoup from 'mediasoup';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import { listenInfos, mediaAddresses } from './addresses.ts';
import { routerCodecs } from './codecs.ts';
import { Deaths } from './deaths.ts';
import { WorkerLoad } from './load.ts';
import { LoadHistory } from './load-history.ts';

/** One mediasoup-worker process with its one router and its one WebRtcServer. */
export type MediaWorker = {
  readonly index: number;
  readonly pid: number;
  readonly process: types.Worker;
  readonly router: types.Router;
  readonly webRtcServer: types.WebRtcServer;
  readonly load: WorkerLoad;
  /** Open on it: pipes to and from other workers, and all others. */
  transports: number;
  pipes: number;
};

/** Figures for health and metrics. */
export type PoolSnapshot = {
  workers: {
    index: number;
    pid: number;
    /** A share of a core. */
    load: number;
    cpuSeconds: number;
    transports: number;
    pipes: number;
  }[];
  /** Workers that died since the start. */
  deaths: number;
};

export type PoolEvents = {
  /** A worker is up: one of the first, or in a dead one's place. */
  worker: [MediaWorker];
};

type PoolOptions = { media: Config['media']; logger: Logger };

const RESTART_DELAY_MS = { first: 250, most: 30_000 };
/** A worker that lived this long before it died starts again at the first delay. */
const STABLE_MS = 60_000;
const LOAD_INTERVAL_MS = 1000;
/** Workers whose loads differ by less than this share of a core are alike. */
const ALIKE = 0.05;

/**
 * How libwebrtc in the workers looks for room in a viewer's downlink, while the viewer gets less than it wants:
 * padding makes the bit rate half again as high as the estimate for 30 ms every 3 s, and twice as high again at
 * once as long as it gets through. By itself it does so for 15 ms, which says nothing where packets come in bunches.
 * A viewer who joins is believed what media.viewerStartBitrate says, tried once (p1) and not at six times that, which
 * would fill a narrow downlink's queue before the first picture. The first is mediasoup's own.
 */
const FIELD_TRIALS = [
  'WebRTC-Bwe-AlrLimitedBackoff/Enabled/',
  'WebRTC-Bwe-ProbingConfiguration/alr_interval:3s,alr_scale:1.5,p1:1,p2/',
  'WebRTC-Bwe-ProbingBehavior/min_probe_duration:30ms,min_probe_packets_sent:6/',
].join('');

/**
 * The media workers, one per core unless configured. A dead one is replaced on
 * the same port; what lived on it hears of it through its transports
 * (mediasoup's `routerclose`).
 */
export class WorkerPool extends EventEmitter<PoolEvents> {
  readonly #options: PoolOptions;
  readonly #workers = new Map<number, MediaWorker>();
  readonly #processes = new Set<types.Worker>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #size: number;
  readonly #loadTimer: NodeJS.Timeout;
  #rtpCapabilities: types.RtpCapabilities | undefined;
  readonly #deaths = new Deaths();
  readonly #history: LoadHistory;
  #closed = false;

  private constructor(options: PoolOptions) {
    super();
    this.#options = options;
    this.#size = options.media.workers || availableParallelism();
    this.#history = new LoadHistory(this.#size);
    this.#loadTimer = setInterval(() => void this.#sampleLoads(), LOAD_INTERVAL_MS);
  }

  /** @throws Error with a sentence for the operator if a worker cannot be started. */
  static async create(options: PoolOptions): Promise<WorkerPool> {
    const { left } = mediaAddresses(options.media, networkInterfaces());
    if (left.length > 0)
      options.logger.warn({ addresses: left }, 'too many addresses; media does not listen on these');
    const pool = new WorkerPool(options);
    const started = Array.from({ length: pool.#size }, (_, index) => pool.#start(index));
    const failed = (await Promise.allSettled(started)).find((result) => result.status === 'rejected');
    if (failed) {
      await pool.close();
      throw failed.reason;
    }
    return pool;
  }

  /** What every router of the pool can carry. */
  get rtpCapabilities(): types.RtpCapabilities {
    if (!this.#rtpCapabilities) throw new Error('the pool has not started');
    return this.#rtpCapabilities;
  }

  get size(): number {
    return this.#size;
  }

  get alive(): number {
    return this.#workers.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Those alive now. */
  get workers(): readonly MediaWorker[] {
    return [...this.#workers.values()];
  }

  /** The least busy worker, for a publisher; undefined while none is alive. */
  pick(): MediaWorker | undefined {
    const step = ({ load }: MediaWorker) => Math.floor(load.value / ALIKE);
    const [best] = this.workers.toSorted(
      (a, b) => step(a) - step(b) || a.load.bits - b.load.bits || a.index - b.index,
    );
    return best;
  }

  /** Whether all of them are as busy as they may be. @param maxLoad Setting limits.maxLoad. */
  isFull(maxLoad: number): boolean {
    return this.workers.every(({ load }) => load.value >= maxLoad);
  }

  /** Why the server should be given no clients, in a sentence: a worker is missing, or they die again and again. */
  get trouble(): string | undefined {
    if (this.alive < this.size) return `${this.alive} of ${this.size} media workers alive`;
    return this.#deaths.tooMany(performance.now());
  }

  snapshot(): PoolSnapshot {
    const workers = this.workers.map(({ index, pid, load, transports, pipes }) => ({
      ...{ index, pid, transports, pipes },
      load: load.value,
      cpuSeconds: load.cpuSeconds,
    }));
    return { workers, deaths: this.#deaths.count };
  }

  /** How busy each worker was in the last hour. */
  loads(): ReturnType<LoadHistory['snapshot']> {
    return this.#history.snapshot();
  }

  /** Resolves when the worker processes are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#loadTimer);
    for (const timer of this.#restarts) clearTimeout(timer);
    this.#workers.clear();
    await Promise.all([...this.#processes].map(closeProcess));
    this.#processes.clear();
  }

  async #sampleLoads(): Promise<void> {
    await Promise.all(
      this.workers.map(async ({ process, load }) => {
        // The worker looks right away; the answer may lie about here for a while.
        const at = performance.now();
        const usage = await process.getResourceUsage().catch(() => undefined);
        if (usage) load.sample((usage.ru_utime + usage.ru_stime) / 1000, at);
      }),
    );
    this.#history.add(
      this.workers.map(({ index, load }) => ({ index, load: load.value })),
      Date.now(),
    );
  }

  /** @param failures How often in a row a worker in this place has come to nothing. */
  async #start(index: number, failures = 0): Promise<void> {
    const process = await createWorker().catch((error: unknown) => {
      this.#deaths.add(performance.now());
      throw error;
    });
    if (this.#closed) return process.close();
    this.#processes.add(process);
    const startedAt = performance.now();
    try {
      const worker = await this.#outfit(process, index);
      if (this.#closed) return process.close();
      this.#workers.set(index, worker);
      this.emit('worker', worker);
      process.on('died', (error) => this.#workerOnDied(worker, error, startedAt, failures));
    } catch (error) {
      if (process.died) this.#deaths.add(performance.now());
      process.close();
      this.#processes.delete(process);
      throw error;
    }
  }

  async #outfit(process: types.Worker, index: number): Promise<MediaWorker> {
    const { media, logger } = this.#options;
    const port = media.portBase + index;
    const webRtcServer = await process
      .createWebRtcServer({ listenInfos: listenInfos(media, port, networkInterfaces()) })
      .catch((error: Error) => {
        if (process.died) throw new Error('the media worker died at once', { cause: error });
        throw new Error(
          `media port ${port} cannot be opened: ${error.message}; is another server running? (setting media.portBase)`,
          { cause: error },
        );
      });
    const router = await process.createRouter({ mediaCodecs: routerCodecs(media) });
    this.#rtpCapabilities ??= router.rtpCapabilities;
    const worker: MediaWorker = {
      ...{ index, pid: process.pid, process, router, webRtcServer },
      load: new WorkerLoad(),
      transports: 0,
      pipes: 0,
    };
    router.observer.on('newtransport', (transport) => {
      const kind = transport.type === 'pipe' ? 'pipes' : 'transports';
      worker[kind] += 1;
      transport.observer.once('close', () => {
        worker[kind] -= 1;
      });
    });
    logger.info({ worker: index, pid: process.pid, port }, 'media worker up');
    return worker;
  }

  #workerOnDied(worker: MediaWorker, error: Error, startedAt: number, failures: number): void {
    if (this.#closed) return;
    const now = performance.now();
    this.#workers.delete(worker.index);
    this.#deaths.add(now);
    for (const process of this.#processes) if (process.died) this.#processes.delete(process);
    this.#options.logger.error(
      { worker: worker.index, pid: worker.pid, error: error.message },
      'media worker died',
    );
    this.#restart(worker.index, now - startedAt > STABLE_MS ? 0 : failures);
  }

  #restart(index: number, failures: number): void {
    const delay = restartDelay(failures);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#start(index, failures + 1).catch((error: Error) => {
        if (this.#closed) return;
        this.#options.logger.error({ worker: index, error: error.message }, 'media worker did not start');
        this.#restart(index, failures + 1);
      });
    }, delay);
    this.#restarts.add(timer);
  }
}

/** In ms: none has failed yet, or so many in a row have. */
export function restartDelay(failures: number): number {
  return Math.min(RESTART_DELAY_MS.first * 2 ** failures, RESTART_DELAY_MS.most);
}

/**
 * mediasoup closes a worker at the first SIGINT or SIGTERM that this process gets, on its own account.
 * When to close is for whoever owns the pool to say: media goes on while clients move elsewhere.
 */
async function createWorker(): Promise<types.Worker> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const before = signals.map((signal) => new Set(process.listeners(signal)));
  const creating = mediasoup.createWorker({
    logLevel: 'warn',
    logTags: ['ice', 'dtls'],
    libwebrtcFieldTrials: FIELD_TRIALS,
  });
  // They are put on synchronously, so whatever is new is mediasoup's.
  for (const [index, signal] of signals.entries()) {
    for (const listener of process.listeners(signal))
      if (!before[index]?.has(listener)) process.off(signal, listener);
  }
  return creating;
}

async function closeProcess(process: types.Worker): Promise<void> {
  if (process.subprocessClosed) return;
  const gone = new Promise<void>((resolve) => process.once('subprocessclose', () => resolve()));
  process.close();
  await gone;
}
