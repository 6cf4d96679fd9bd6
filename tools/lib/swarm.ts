/** Many viewers: they join at a rate, whatever becomes of those before, and leave together. */
import { setTimeout as sleep } from 'node:timers/promises';

export type SwarmViewer = { close(): Promise<unknown> };

/** Times are by performance.now(). */
export type Joined<V> = { viewer: V; beganAt: number; joinedAt: number };

export type JoinPlan<V> = {
  count: number;
  perSecond: number;
  /** Resolves when that viewer has joined; what it throws is why it could not. */
  join: (index: number) => Promise<V>;
  /** Aborted: no more begin. */
  signal?: AbortSignal | undefined;
};

/** So many leave at once: all in a moment would be a storm, one after the other would take long. */
const LEAVING = 50;

export class Swarm<V extends SwarmViewer> {
  readonly joined: Joined<V>[] = [];
  readonly failures: unknown[] = [];

  /** Resolves when all have joined or failed. More can join later. */
  async join(plan: JoinPlan<V>): Promise<void> {
    const { count, perSecond, signal } = plan;
    const start = performance.now();
    const joining: Promise<void>[] = [];
    for (let index = 0; index < count; index++) {
      if (!(await reached(start + (index * 1000) / perSecond, signal))) break;
      joining.push(this.#joinOne(index, plan));
    }
    await Promise.all(joining);
  }

  /** One that cannot leave in order is gone all the same. */
  async leave(): Promise<void> {
    const rest = this.joined.map(({ viewer }) => viewer);
    const leave = async () => {
      for (let viewer = rest.pop(); viewer; viewer = rest.pop()) await viewer.close().catch(() => undefined);
    };
    await Promise.all(Array.from({ length: LEAVING }, leave));
  }

  async #joinOne(index: number, { join, signal }: JoinPlan<V>): Promise<void> {
    const beganAt = performance.now();
    try {
      const viewer = await join(index);
      this.joined.push({ viewer, beganAt, joinedAt: performance.now() });
    } catch (error) {
      // What fails because all is to end did not fail.
      if (!signal?.aborted) this.failures.push(error);
    }
  }
}

/** False if it is aborted before. */
async function reached(time: number, signal: AbortSignal | undefined): Promise<boolean> {
  const wait = time - performance.now();
  if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
  return !signal?.aborted;
}
