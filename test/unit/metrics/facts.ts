import type { Facts } from '../../../server/metrics/facts.ts';

/** Something of everything. */
export const FACTS: Facts = {
  streams: 2,
  ended: { stopped: 3, over_limit: 1 },
  publishers: { websocket: 1, whip: 0, rtp: 1 },
  viewers: { websocket: 3, whep: 4 },
  waiting: 1,
  viewersByStream: { lecture: 7 },
  refusals: { full: 5 },
  eventLoop: { delay: 0.012, overloaded: false },
  connections: { open: 8, refused: { httpConnections: 0, httpConnectionsPerAddress: 3 } },
  sockets: { open: 4, eventsDropped: 6, slowClosed: 1, unresponsive: 2 },
  workers: {
    configured: 2,
    deaths: 1,
    maxLoad: 0.85,
    alive: [
      { index: 1, load: 0.25, cpuSeconds: 12.5, residentBytes: 3e7, transports: 9, pipes: 2 },
      { index: 2, load: 0, cpuSeconds: 0, residentBytes: undefined, transports: 0, pipes: 0 },
    ],
    traffic: [
      {
        ...{ worker: 1, transport: 'webrtc', direction: 'out', kind: 'video' },
        ...{ bytes: 1e6, packets: 1000, lost: 10, retransmitted: 8, nacks: 5, plis: 3, firs: 0 },
      },
      {
        ...{ worker: 1, transport: 'webrtc', direction: 'in', kind: 'video' },
        ...{ bytes: 1e5, packets: 100, lost: 0, retransmitted: 0, nacks: 0, plis: 2, firs: 0 },
      },
    ],
  },
  cameras: { states: { idle: 0, connecting: 0, live: 1, retrying: 0, failed: 0 }, restarts: 2 },
  recordings: {
    ...{ recording: 1, finishing: 0, failures: 0, restarts: 1, freeBytes: 1e9 },
    verdicts: { ok: 2, repaired: 1, damaged: 0 },
  },
};
