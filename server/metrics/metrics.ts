/** What `/metrics` says, in Prometheus's text format. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { END_REASONS, ERROR_CODES } from '../protocol/codes.ts';
import type { Facts, TrafficFacts, WorkerFacts } from './facts.ts';
import { Joins } from './joins.ts';

/** The values of a metric's labels, in the order of their names, and the metric's own. */
type Reading = readonly [...labels: (string | number)[], value: number];
type Read = (facts: Facts) => readonly Reading[];

/** A metric that is read from the facts at each scrape. */
type Describe = (name: string, help: string, labelNames: readonly string[], read: Read) => void;

export class Metrics {
  readonly joins: Joins;
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #facts: () => Promise<Facts>;
  /** Of the scrape under way: all metrics tell of the same moment. */
  #read: Facts | undefined;

  constructor(facts: () => Promise<Facts>) {
    this.#facts = facts;
    this.contentType = this.#registry.contentType;
    this.joins = new Joins(this.#registry);
    collectDefaultMetrics({ register: this.#registry });
    const [gauge, counter] = [this.#describe(Gauge), this.#describe(Counter)];
    for (const part of [sessions, sockets, eventLoop, workers, media, processes]) part(gauge, counter);
  }

  async text(): Promise<string> {
    this.#read = await this.#facts();
    return this.#registry.metrics();
  }

  #describe(Type: typeof Gauge | typeof Counter): Describe {
    const registers = [this.#registry];
    return (name, help, labelNames, read) => {
      const readings = () => (this.#read ? read(this.#read) : []);
      new Type({
        ...{ name, help, labelNames, registers },
        collect() {
          this.reset();
          for (const reading of readings()) {
            const labels = labelNames.map((label, index) => [label, String(reading[index])]);
            this.inc(Object.fromEntries(labels), Number(reading.at(-1)));
          }
        },
      });
    };
  }
}

function sessions(gauge: Describe, counter: Describe): void {
  gauge('pharos_streams', 'Streams that are live.', [], ({ streams }) => [[streams]]);
  counter(
    'pharos_streams_ended_total',
    'Live streams that ended or were interrupted, by reason.',
    ['reason'],
    ({ ended }) => END_REASONS.map((reason) => [reason, ended[reason] ?? 0]),
  );
  gauge('pharos_publishers', 'Publishers, by how they came.', ['protocol'], ({ publishers }) =>
    Object.entries(publishers),
  );
  gauge('pharos_viewers', 'Viewers, by how they came; those who wait too.', ['protocol'], ({ viewers }) =>
    Object.entries(viewers),
  );
  gauge('pharos_viewers_waiting', 'Viewers of streams that are not live.', [], ({ waiting }) => [[waiting]]);
  gauge(
    'pharos_stream_viewers',
    'Viewers of each stream, only with metrics.streamLabels.',
    ['stream'],
    ({ viewersByStream }) => Object.entries(viewersByStream),
  );
  counter('pharos_refusals_total', 'Requests refused, by error code.', ['code'], ({ refusals }) =>
    ERROR_CODES.map((code) => [code, refusals[code] ?? 0]),
  );
}

function sockets(gauge: Describe, counter: Describe): void {
  gauge('pharos_http_connections', 'Open TCP connections for HTTP and WebSocket.', [], (facts) => [
    [facts.connections.open],
  ]);
  counter(
    'pharos_http_connections_refused_total',
    'TCP connections closed at once, by the limit that they went beyond.',
    ['limit'],
    ({ connections }) => Object.entries(connections.refused),
  );
  gauge('pharos_websockets', 'Open WebSockets.', [], (facts) => [[facts.sockets.open]]);
  counter(
    'pharos_websocket_events_dropped_total',
    'Events that slow WebSockets were spared.',
    [],
    (facts) => [[facts.sockets.eventsDropped]],
  );
  counter('pharos_websocket_unresponsive_total', 'WebSockets that answered no ping.', [], (facts) => [
    [facts.sockets.unresponsive],
  ]);
  counter('pharos_websocket_slow_closed_total', 'WebSockets closed for being too slow.', [], (facts) => [
    [facts.sockets.slowClosed],
  ]);
}

function eventLoop(gauge: Describe): void {
  gauge(
    'pharos_event_loop_delay_seconds',
    'How late the server process was, in the last second.',
    [],
    (facts) => [[facts.eventLoop.delay]],
  );
  gauge('pharos_overloaded', '1 while new joins are refused for limits.eventLoopDelay.', [], (facts) => [
    [Number(facts.eventLoop.overloaded)],
  ]);
}

function workers(gauge: Describe, counter: Describe): void {
  const each = (value: (worker: WorkerFacts) => number | undefined) => (facts: Facts) =>
    facts.workers.alive.flatMap((worker) => {
      const known = value(worker);
      return known === undefined ? [] : [[worker.index, known] as const];
    });
  gauge('pharos_workers', 'Media workers that should be running.', [], (facts) => [
    [facts.workers.configured],
  ]);
  gauge('pharos_workers_alive', 'Media workers that run.', [], (facts) => [[facts.workers.alive.length]]);
  counter('pharos_worker_deaths_total', 'Media workers that died and were replaced.', [], (facts) => [
    [facts.workers.deaths],
  ]);
  gauge(
    'pharos_worker_load',
    'How busy it is, as a share of a core, what is about to come included.',
    ['worker'],
    each(({ load }) => load),
  );
  gauge('pharos_worker_load_limit', 'Load from which on it takes no more (limits.maxLoad).', [], (facts) => [
    [facts.workers.maxLoad],
  ]);
  counter(
    'pharos_worker_cpu_seconds_total',
    'CPU time of the worker process.',
    ['worker'],
    each(({ cpuSeconds }) => cpuSeconds),
  );
  gauge(
    'pharos_worker_resident_memory_bytes',
    'Resident memory of the worker process.',
    ['worker'],
    each(({ residentBytes }) => residentBytes),
  );
  gauge(
    'pharos_worker_transports',
    'Transports open on it, pipes apart.',
    ['worker'],
    each(({ transports }) => transports),
  );
  gauge(
    'pharos_worker_pipes',
    'Ends of pipes to other workers.',
    ['worker'],
    each(({ pipes }) => pipes),
  );
}

function media(_gauge: Describe, counter: Describe): void {
  const labels = ['worker', 'transport', 'direction', 'kind'] as const;
  const each = (value: (traffic: TrafficFacts) => number) => (facts: Facts) =>
    facts.workers.traffic.map(
      (traffic) => [...labels.map((label) => traffic[label]), value(traffic)] as const,
    );
  counter(
    'pharos_media_bytes_total',
    'RTP, by samples.',
    labels,
    each(({ bytes }) => bytes),
  );
  counter(
    'pharos_media_packets_total',
    'RTP packets, by samples.',
    labels,
    each(({ packets }) => packets),
  );
  counter(
    'pharos_media_packets_lost_total',
    'RTP packets that did not arrive.',
    labels,
    each(({ lost }) => lost),
  );
  counter(
    'pharos_media_packets_retransmitted_total',
    'RTP packets sent again.',
    labels,
    each(({ retransmitted }) => retransmitted),
  );
  counter(
    'pharos_media_nacks_total',
    'Requests to send packets again (RTCP NACK).',
    labels,
    each(({ nacks }) => nacks),
  );
  counter(
    'pharos_media_plis_total',
    'Key frame requests (RTCP PLI).',
    labels,
    each(({ plis }) => plis),
  );
  counter(
    'pharos_media_firs_total',
    'Key frame requests (RTCP FIR).',
    labels,
    each(({ firs }) => firs),
  );
}

function processes(gauge: Describe, counter: Describe): void {
  gauge('pharos_cameras', 'Cameras, by state.', ['state'], ({ cameras }) => Object.entries(cameras.states));
  gauge(
    'pharos_recordings',
    'Recordings that run, and those that are being finished.',
    ['state'],
    (facts) => [
      ['recording', facts.recordings.recording],
      ['finishing', facts.recordings.finishing],
    ],
  );
  counter(
    'pharos_recordings_finished_total',
    'Recordings finished, by verdict.',
    ['verdict'],
    ({ recordings }) => Object.entries(recordings.verdicts),
  );
  counter('pharos_recordings_failed_total', 'Recordings that could not begin or go on.', [], (facts) => [
    [facts.recordings.failures],
  ]);
  gauge('pharos_recordings_free_bytes', 'Space left where recordings are kept.', [], ({ recordings }) => [
    [recordings.freeBytes ?? Number.NaN],
  ]);
  counter(
    'pharos_ffmpeg_restarts_total',
    'ffmpeg processes that ended by themselves and were replaced.',
    ['purpose'],
    ({ cameras, recordings }) => [
      ['camera', cameras.restarts],
      ['recording', recordings.restarts],
    ],
  );
}
