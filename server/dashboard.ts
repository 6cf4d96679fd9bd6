/** The operator's dashboard, put together from all parts of the server. */
import { version as mediasoupVersion } from 'mediasoup';
import type { Config } from '../config/schema.ts';
import type { WorkerPool } from '../workers/media/pool.ts';
import type { TrafficMeter } from '../workers/media/traffic.ts';
import type { Admission } from './auth/admission.ts';
import type { Authority } from './auth/authority.ts';
import type { EventLoopWatch } from './base/event-loop.ts';
import type { Logger } from './base/logger.ts';
import type { Cameras } from './cameras/cameras.ts';
import type { Readiness } from './http/api.ts';
import type { Listening } from './http/listen.ts';
import { Dashboard } from './http/live/dashboard.ts';
import { ServerView } from './http/live/server-view.ts';
import type { Joins } from './metrics/joins.ts';
import type { About } from './protocol/live.ts';
import type { Recordings } from './recordings/recordings.ts';
import type { SignalingServer } from './signaling/server.ts';
import type { Registry } from './streams/registry.ts';
import { ownVersion } from './version.ts';

type Parts = {
  config: Config;
  logger: Logger;
  pool: WorkerPool;
  traffic: TrafficMeter;
  registry: Registry;
  authority: Authority;
  admission: Admission;
  eventLoop: EventLoopWatch;
  joins: Joins;
  signaling: SignalingServer;
  recordings: Recordings;
  cameras: Cameras;
  http: Listening;
  ready: () => Readiness;
  /** WHEP players are served. */
  canPlay: boolean;
};

export function createDashboard(parts: Parts): Dashboard {
  const { config, registry, recordings, pool, canPlay } = parts;
  const about = aboutThis(config, pool, canPlay);
  return new Dashboard({
    ...parts,
    server: new ServerView(parts),
    about: () => ({ ...about, loads: copyOf(pool.loads()) }),
    isRecorded: (stream) => recordings.isRunning(stream),
    isCamera: (stream) => registry.isReserved(stream),
  });
}

function aboutThis(config: Config, pool: WorkerPool, canPlay: boolean): Omit<About, 'loads'> {
  return {
    version: ownVersion(),
    node: process.version,
    mediasoup: mediasoupVersion,
    startedAt: Math.round(Date.now() - process.uptime() * 1000),
    workers: pool.size,
    maxLoad: config.limits.maxLoad,
    whep: canPlay,
  };
}

function copyOf({ everyMs, at, rows }: ReturnType<WorkerPool['loads']>): About['loads'] {
  return {
    everyMs,
    at,
    rows: rows.map((row) => row.map((load) => (load === null ? null : Math.round(load * 1000) / 1000))),
  };
}
