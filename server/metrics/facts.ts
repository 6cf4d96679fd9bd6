/** What the metrics are made of at a scrape; main.ts puts it together from what each part tells of itself. */
export type Facts = {
  /** Live. */
  streams: number;
  /** How often a live stream was not live any more, by reason. */
  ended: Readonly<Record<string, number>>;
  /** By protocol. */
  publishers: Readonly<Record<string, number>>;
  /** By protocol; those who wait too. */
  viewers: Readonly<Record<string, number>>;
  waiting: number;
  /** Empty unless `metrics.streamLabels`. */
  viewersByStream: Readonly<Record<string, number>>;
  refusals: Readonly<Record<string, number>>;
  /** In s, of the last second, and whether new joins are refused for it. */
  eventLoop: { delay: number; overloaded: boolean };
  /** Over TCP, for HTTP and WebSocket; refused by limit. */
  connections: { open: number; refused: Readonly<Record<string, number>> };
  sockets: { open: number; eventsDropped: number; slowClosed: number; unresponsive: number };
  workers: {
    configured: number;
    deaths: number;
    /** Load from which on they take no more: `limits.maxLoad`. */
    maxLoad: number;
    alive: readonly WorkerFacts[];
    traffic: readonly TrafficFacts[];
  };
  cameras: { states: Readonly<Record<string, number>>; restarts: number };
  recordings: {
    recording: number;
    finishing: number;
    verdicts: Readonly<Record<string, number>>;
    failures: number;
    restarts: number;
    /** Where they are kept; undefined where the system does not say. */
    freeBytes: number | undefined;
  };
};

export type WorkerFacts = {
  index: number;
  load: number;
  cpuSeconds: number;
  /** Undefined where the system does not say. */
  residentBytes: number | undefined;
  transports: number;
  pipes: number;
};

export type TrafficFacts = {
  worker: number;
  transport: string;
  direction: 'in' | 'out';
  kind: string;
  bytes: number;
  packets: number;
  lost: number;
  retransmitted: number;
  nacks: number;
  plis: number;
  firs: number;
};
