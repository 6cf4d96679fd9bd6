import type { Config } from '../config/schema.ts';
import type { WorkerPool } from '../workers/media/pool.ts';
import type { TrafficMeter } from '../workers/media/traffic.ts';
import type { Admission } from './auth/admission.ts';
import type { EventLoopWatch } from './base/event-loop.ts';
import type { Cameras } from './cameras/cameras.ts';
import type { Listening } from './http/listen.ts';
import type { Facts } from './metrics/facts.ts';
import { residentBytes } from './metrics/memory.ts';
import type { Recordings } from './recordings/recordings.ts';
import type { SignalingServer } from './signaling/server.ts';
import type { Registry } from './streams/registry.ts';
import type { Whip } from './whip/routes.ts';

type Parts = {
  config: Config;
  pool: WorkerPool;
  traffic: TrafficMeter;
  registry: Registry;
  admission: Admission;
  eventLoop: EventLoopWatch;
  http: Listening;
  signaling: SignalingServer;
  whip: Whip;
  cameras: Cameras;
  recordings: Recordings;
};

/** What all parts tell of themselves, for the metrics. */
export async function gatherFacts(parts: Parts): Promise<Facts> {
  const { config, pool, traffic, registry, admission, cameras, recordings } = parts;
  const { workers, deaths } = pool.snapshot();
  const alive = await Promise.all(
    workers.map(async (worker) => ({ ...worker, residentBytes: await residentBytes(worker.pid) })),
  );
  const { streams, publishers, waiting, ended } = registry.snapshot();
  const sockets = parts.signaling.snapshot();
  const { whip, whep } = parts.whip.snapshot();
  return {
    streams,
    ended,
    publishers: { websocket: sockets.publishers, whip, rtp: publishers.rtp },
    viewers: { websocket: sockets.viewers, whep },
    waiting,
    viewersByStream: config.metrics.streamLabels ? registry.viewersByStream() : {},
    refusals: admission.refusals,
    eventLoop: eventLoopFacts(parts.eventLoop),
    connections: parts.http.snapshot(),
    sockets,
    workers: {
      configured: pool.size,
      deaths,
      maxLoad: config.limits.maxLoad,
      alive,
      traffic: traffic.snapshot(),
    },
    cameras: cameras.snapshot(),
    recordings: recordings.snapshot(),
  };
}

function eventLoopFacts(watch: EventLoopWatch): Facts['eventLoop'] {
  const { delay, overloaded } = watch.snapshot();
  return { delay: delay / 1000, overloaded };
}
