import type { types } from 'mediasoup';
import type { Logger } from 'pino';
import { PharosError } from '../../server/base/errors.ts';
import { openPipe, type Pipe } from './pipe.ts';
import type { MediaWorker } from './pool.ts';

/** A home worker that is less busy than this, as a share of a core, takes all viewers itself. */
const LIGHT = 0.3;
/** How much less busy than others a worker must be to be worth a pipe. */
const WORTH_A_PIPE = 0.15;
const LINGER_MS = 10_000;
/** How old the known bitrate of a stream may be, in ms; one that only begins is looked at more often. */
const BITRATE_AGE_MS = { known: 5000, unknown: 250 };

/** A viewer's place on a worker: the stream's producers as that worker's router has them. */
export type Place = {
  readonly worker: MediaWorker;
  readonly producers: readonly types.Producer[];
  leave(): void;
};

export type FanoutOptions = {
  home: MediaWorker;
  /** Those alive now. */
  workers: () => readonly MediaWorker[];
  producers: readonly types.Producer[];
  /** Setting limits.maxLoad. */
  maxLoad: number;
  /** In ms. */
  keyFrameRequestDelay: number;
  /** Taken for the stream's until that is measured, in bit/s. */
  bitrate: number;
  /** How long a pipe outlasts its last viewer, in ms: the next one may be about to come. */
  lingerMs?: number;
  logger: Logger;
};

/** What of a stream is on a worker other than its home. */
type Branch = {
  /** A promise, so that viewers who come together share one pipe; dropped when it fails or ends. */
  pipe: Promise<Pipe> | undefined;
  viewers: number;
  linger: NodeJS.Timeout | undefined;
};

/** Spreads one live stream's viewers over the workers, and its producers to where they are. */
export class Fanout {
  readonly #options: FanoutOptions;
  readonly #branches = new Map<MediaWorker, Branch>();
  #bitrate: number;
  #bitrateAt = 0;
  #bitrateKnown = false;
  #closed = false;

  constructor(options: FanoutOptions) {
    this.#options = options;
    this.#bitrate = options.bitrate;
  }

  /** Workers other than its home that carry the stream now. */
  get pipes(): number {
    return this.#branches.size;
  }

  /**
   * A place for one more viewer, its to leave. Where a pipe cannot be had, the home worker takes it.
   * @param on Where the viewer has its transport already: there, or nowhere.
   * @throws PharosError `full` if every worker is as busy as it may be; Error if the stream ends meanwhile.
   */
  async place(on?: MediaWorker): Promise<Place> {
    if (this.#closed) throw new Error('the stream has ended');
    void this.#measure();
    const { home, logger } = this.#options;
    const worker = on ?? this.#choose();
    if (worker === home || worker === on) return this.#placeOn(worker);
    return this.#placeOn(worker).catch((error: unknown) => {
      if (this.#closed) throw error;
      logger.warn({ worker: worker.index, home: home.index, error: String(error) }, 'pipe failed');
      return this.#placeOn(home);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const worker of [...this.#branches.keys()]) this.#drop(worker);
  }

  #choose(): MediaWorker {
    const { home, workers, maxLoad } = this.#options;
    const worker = chooseWorker({
      home,
      workers: workers(),
      carries: (each) => this.#branches.has(each),
      maxLoad,
    });
    if (!worker) throw new PharosError('full', 'the server is as busy as it may be; try again in a while');
    return worker;
  }

  async #placeOn(worker: MediaWorker): Promise<Place> {
    const forget = worker.load.expect(this.#bitrate);
    const leaveBranch = worker === this.#options.home ? undefined : this.#enter(worker);
    const leave = () => {
      forget();
      leaveBranch?.();
    };
    try {
      return { worker, producers: await this.#producersOn(worker), leave };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Counts a viewer on another worker. @returns the function that counts it out. */
  #enter(worker: MediaWorker): () => void {
    const branch: Branch = this.#branches.get(worker) ?? { pipe: undefined, viewers: 0, linger: undefined };
    this.#branches.set(worker, branch);
    clearTimeout(branch.linger);
    branch.viewers += 1;
    let counted = true;
    return () => {
      if (!counted) return;
      counted = false;
      branch.viewers -= 1;
      if (branch.viewers > 0 || this.#branches.get(worker) !== branch) return;
      branch.linger = setTimeout(() => this.#drop(worker), this.#options.lingerMs ?? LINGER_MS);
    };
  }

  async #producersOn(worker: MediaWorker): Promise<readonly types.Producer[]> {
    const { home, producers } = this.#options;
    if (worker === home) return producers;
    const branch = this.#branches.get(worker);
    if (!branch) throw new Error('the stream has ended');
    branch.pipe ??= this.#open(worker, branch);
    return (await branch.pipe).producers;
  }

  async #open(worker: MediaWorker, branch: Branch): Promise<Pipe> {
    const { home, producers, keyFrameRequestDelay, logger } = this.#options;
    try {
      const pipe = await openPipe({
        ...{ from: home.router, to: worker.router, producers, keyFrameRequestDelay },
        onClose: () => this.#pipeOnClose(worker, branch),
      });
      if (this.#branches.get(worker) !== branch) {
        pipe.close();
        throw new Error('the stream has ended');
      }
      logger.info({ home: home.index, worker: worker.index }, 'stream piped');
      return pipe;
    } catch (error) {
      branch.pipe = undefined;
      throw error;
    }
  }

  /** Its worker died: whoever is there is told by mediasoup, and placed anew. */
  #pipeOnClose(worker: MediaWorker, branch: Branch): void {
    if (this.#branches.get(worker) === branch) this.#drop(worker);
  }

  #drop(worker: MediaWorker): void {
    const branch = this.#branches.get(worker);
    if (!branch) return;
    this.#branches.delete(worker);
    clearTimeout(branch.linger);
    branch.pipe?.then(
      (pipe) => pipe.close(),
      () => {},
    );
  }

  /** Looks at the bitrate now and then when viewers come, rather than all the time. */
  async #measure(): Promise<void> {
    const now = performance.now();
    if (now - this.#bitrateAt < BITRATE_AGE_MS[this.#bitrateKnown ? 'known' : 'unknown']) return;
    this.#bitrateAt = now;
    const stats = await Promise.all(this.#options.producers.map(bitrateOf)).catch(() => []);
    // Before media flows there is nothing to go by.
    const sum = stats.reduce((total, bitrate) => total + bitrate, 0);
    if (sum === 0) return;
    this.#bitrate = sum;
    this.#bitrateKnown = true;
  }
}

/** Of what one viewer gets: of a simulcast, the best layer. */
async function bitrateOf(producer: types.Producer): Promise<number> {
  const layers = await producer.getStats();
  return Math.max(0, ...layers.map(({ bitrate }) => bitrate));
}

type Candidate = { readonly load: { readonly value: number } };

/**
 * The worker for one more viewer: home while it is light, then the least busy one, though a new
 * pipe must be worth it.
 * @returns undefined if all are as busy as they may be.
 */
export function chooseWorker<W extends Candidate>({
  home,
  workers,
  carries,
  maxLoad,
}: {
  home: W;
  workers: readonly W[];
  /** Whether the stream is on that worker already. */
  carries: (worker: W) => boolean;
  maxLoad: number;
}): W | undefined {
  if (home.load.value < Math.min(LIGHT, maxLoad)) return home;
  const cost = (worker: W) => worker.load.value + (worker === home || carries(worker) ? 0 : WORTH_A_PIPE);
  const [best] = workers
    .filter((worker) => worker.load.value < maxLoad)
    .sort((a, b) => cost(a) - cost(b) || Number(b === home) - Number(a === home));
  return best;
}
