/** What the dashboard tells of the server itself: from what its parts keep anyway. */
import type { WorkerPool } from '../../../workers/media/pool.ts';
import type { TrafficMeter } from '../../../workers/media/traffic.ts';
import { type Admission, RECENT_MS } from '../../auth/admission.ts';
import type { EventLoopWatch } from '../../base/event-loop.ts';
import type { Cameras } from '../../cameras/cameras.ts';
import type { Joins } from '../../metrics/joins.ts';
import { residentBytes } from '../../metrics/memory.ts';
import { END_REASONS } from '../../protocol/codes.ts';
import type { Parts } from '../../protocol/live.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import type { SignalingServer } from '../../signaling/server.ts';
import type { Registry } from '../../streams/registry.ts';
import type { Readiness } from '../api.ts';
import type { Listening } from '../listen.ts';
import { rounded } from './overview.ts';

type Options = {
  pool: WorkerPool;
  traffic: TrafficMeter;
  registry: Registry;
  admission: Admission;
  eventLoop: EventLoopWatch;
  joins: Joins;
  signaling: SignalingServer;
  recordings: Recordings;
  cameras: Cameras;
  http: Listening;
  ready: () => Readiness;
};

/** Traffic is counted by samples: over a short time it would jump. */
const RATE_MS = 30_000;
const MEMORY_MS = 5000;

export class ServerView {
  readonly #options: Options;
  readonly #sent: { bytes: number; at: number }[] = [];
  #cpu = { usage: process.cpuUsage(), at: performance.now(), share: 0 };
  readonly #memory = new Map<number, number | undefined>();
  #memoryAt = Number.NEGATIVE_INFINITY;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @param received From all publishers, in bit/s. */
  look(received: number | null): Parts {
    const { registry, admission, joins, recordings, cameras, pool } = this.#options;
    const now = performance.now();
    const { workers, deaths } = pool.snapshot();
    void this.#askMemory(workers, now);
    const { recording, finishing, failures, verdicts, freeBytes } = recordings.snapshot();
    const { ended } = registry.snapshot();
    const { join = null, firstFrame = null } = joins.recent(RECENT_MS);
    return {
      health: this.#health(),
      totals: this.#totals(received, now),
      joins: { window: RECENT_MS / 1000, join: inMs(join), firstFrame: inMs(firstFrame) },
      refusals: { window: RECENT_MS / 1000, codes: admission.recentRefusals() },
      ended: END_REASONS.flatMap((reason) => (ended[reason] ? [{ reason, count: ended[reason] }] : [])),
      workers: workers
        .toSorted((a, b) => a.index - b.index)
        .map(({ index, pid, load, transports, pipes }) => ({
          ...{ index, pid, transports, pipes },
          load: Math.round(load * 1000) / 1000,
          memory: roughly(this.#memory.get(pid)),
        })),
      deaths,
      recordings: { recording, finishing, failures, damaged: verdicts.damaged, free: roughly(freeBytes) },
      cameras: cameras.list().map(({ stream, url, source, state, since, error, viewers }) => {
        return { stream, url, source, state, since, error, viewers };
      }),
    };
  }

  #health(): Parts['health'] {
    const { ready, eventLoop } = this.#options;
    const { ok, reason } = ready();
    const { delay, overloaded } = eventLoop.snapshot();
    return { ready: ok, reason: reason ?? null, overloaded, eventLoopDelay: Math.round(delay) };
  }

  #totals(received: number | null, now: number): Parts['totals'] {
    const { registry, signaling, http } = this.#options;
    const { streams, viewers, waiting } = registry.snapshot();
    return {
      ...{ streams, viewers, waiting },
      received: received === null ? null : rounded(received),
      sent: this.#sentRate(now),
      connections: http.snapshot().open,
      sockets: signaling.snapshot().open,
      memory: roughly(process.memoryUsage.rss()) ?? 0,
      cpu: this.#cpuShare(now),
    };
  }

  /** To viewers, pipes between workers apart. */
  #sentRate(now: number): number | null {
    let bytes = 0;
    for (const { direction, transport, bytes: counted } of this.#options.traffic.snapshot())
      if (direction === 'out' && transport === 'webrtc') bytes += counted;
    const kept = this.#sent;
    // After a pause what was counted before it is no use.
    if (now - (kept.at(-1)?.at ?? now) > RATE_MS) kept.length = 0;
    kept.push({ bytes, at: now });
    while (kept[0] && now - kept[0].at > RATE_MS) kept.shift();
    const [first] = kept;
    // Each is asked every five seconds at most: within less than that there may have been none.
    if (!first || now - first.at < RATE_MS / 3) return null;
    return rounded(((bytes - first.bytes) * 8000) / (now - first.at));
  }

  #cpuShare(now: number): number {
    const { usage, at } = this.#cpu;
    const elapsed = now - at;
    if (elapsed >= 900) {
      const { user, system } = process.cpuUsage(usage);
      const share = Math.round(((user + system) / 1000 / elapsed) * 100) / 100;
      this.#cpu = { usage: process.cpuUsage(), at: now, share };
    }
    return this.#cpu.share;
  }

  async #askMemory(workers: readonly { pid: number }[], now: number): Promise<void> {
    if (now - this.#memoryAt < MEMORY_MS) return;
    this.#memoryAt = now;
    this.#memory.clear();
    for (const { pid } of workers) this.#memory.set(pid, await residentBytes(pid));
  }
}

function inMs<T extends { p50: number; p95: number }>(figures: T | null): T | null {
  return figures && { ...figures, p50: Math.round(figures.p50), p95: Math.round(figures.p95) };
}

/** To 1 MB: what changes less is not worth a message. */
function roughly(bytes: number | undefined): number | null {
  return bytes === undefined ? null : Math.round(bytes / 1e6) * 1e6;
}
