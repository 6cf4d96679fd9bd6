/** Watches how much space is left where recordings go. */
import { EventEmitter } from 'node:events';
import { statfs } from 'node:fs/promises';

export type SpaceState = 'enough' | 'low';

/** A little more than the least has to be there again: recordings must not start and stop in turns. */
const HYSTERESIS = 1.1;

/** Pure. @param minFree 0: no limit. */
export function judgeSpace(free: number, minFree: number, before: SpaceState): SpaceState {
  if (minFree === 0) return 'enough';
  return free < (before === 'low' ? minFree * HYSTERESIS : minFree) ? 'low' : 'enough';
}

export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

export type SpaceGuardOptions = {
  folder: string;
  minFree: number;
  pollMs?: number;
  /** How much is free; tests give their own. */
  measure?: (folder: string) => Promise<number>;
};

const POLL_MS = 5000;

export class SpaceGuard extends EventEmitter<{ change: [SpaceState, number] }> {
  readonly #folder: string;
  readonly #minFree: number;
  readonly #measure: (folder: string) => Promise<number>;
  readonly #timer: NodeJS.Timeout;
  #state: SpaceState = 'enough';
  #free: number | undefined;
  #closed = false;

  constructor({ folder, minFree, pollMs = POLL_MS, measure = freeBytes }: SpaceGuardOptions) {
    super();
    this.#folder = folder;
    this.#minFree = minFree;
    this.#measure = measure;
    this.#timer = setInterval(() => void this.check(), pollMs).unref();
  }

  get state(): SpaceState {
    return this.#state;
  }

  /** In bytes, at the last look; undefined if that failed. */
  get free(): number | undefined {
    return this.#free;
  }

  /** Looks now; before a recording is begun, for example. Tells of a change. */
  async check(): Promise<SpaceState> {
    // A folder that cannot be asked about says nothing about its space; writing to it will.
    const free = await this.#measure(this.#folder).catch(() => undefined);
    this.#free = free;
    if (this.#closed || free === undefined) return this.#state;
    const state = judgeSpace(free, this.#minFree, this.#state);
    if (state !== this.#state) {
      this.#state = state;
      this.emit('change', state, free);
    }
    return state;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }
}
