import { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';
import { TokenBucket } from '../../server/base/limits.ts';

/** What went one way over one sort of transport of a worker. `in`: from publishers; `out`: to viewers. */
export type Traffic = {
  readonly worker: number;
  readonly transport: types.TransportType;
  readonly direction: 'in' | 'out';
  readonly kind: types.MediaKind;
} & Figures;

type Figures = Record<(typeof FIGURES)[number], number>;

const FIGURES = [
  'bytes',
  'packets',
  'lost',
  'retransmitted',
  /** RTCP messages: to publishers for `in`, from viewers for `out`. */
  'nacks',
  'plis',
  'firs',
] as const;

/** A producer or a consumer, and how far its statistics have been counted. */
type Source = {
  readonly media: types.Producer | types.Consumer;
  readonly total: Traffic;
  /** By SSRC: simulcast has several. */
  readonly counted: Map<number, Figures>;
  askedAt: number;
};

/** A client's transport that brings media, and what it had brought when it was asked last. */
type Incoming = { readonly transport: types.WebRtcTransport; bytes: number; askedAt: number };

export type TrafficMeterEvents = {
  /** What a client's transport has received of late, in bit/s: all of it, whatever it may be. */
  received: [transportId: string, bitrate: number, now: number];
};

/** So many are asked in so many ms: 25 a second, whatever the number of viewers. */
const ASK = { count: 5, everyMs: 200 };
/** None is asked more often. */
const LEAST_AGE_MS = 5000;
/** Transports of publishers, apart from those: 25 a second too. */
const INCOMING_AGE_MS = 2000;
/** Of those that are about to close, on top, in a second. */
const LAST_WORDS = 100;

/**
 * Counts the workers' traffic by samples: producers and consumers are asked for
 * their statistics in turn, a few at a time, so that the cost is the same for
 * ten viewers and for ten thousand; with many, figures are the older for it.
 * Counts stay when a worker dies.
 */
export class TrafficMeter extends EventEmitter<TrafficMeterEvents> {
  readonly #totals = new Map<string, Traffic>();
  /** The one whose turn it is first. */
  readonly #sources = new Set<Source>();
  readonly #incoming = new Set<Incoming>();
  readonly #lastWords = new TokenBucket({ rate: LAST_WORDS, burst: LAST_WORDS, now: performance.now() });
  readonly #timer = setInterval(() => this.#ask(performance.now()), ASK.everyMs);

  /** Counts all that goes over this router from now on. */
  watch({ index, router }: { index: number; router: types.Router }): void {
    router.observer.on('newtransport', (transport) => this.#watchTransport(index, transport));
  }

  snapshot(): readonly Traffic[] {
    return [...this.#totals.values()];
  }

  close(): void {
    clearInterval(this.#timer);
    this.#sources.clear();
    this.#incoming.clear();
  }

  #watchTransport(worker: number, transport: types.Transport): void {
    const sources = new Set<Source>();
    const add = (media: Source['media'], direction: Traffic['direction']) => {
      const total = this.#total(worker, transport.type, direction, media.kind);
      const source: Source = { media, total, counted: new Map(), askedAt: performance.now() };
      sources.add(source);
      this.#sources.add(source);
      return () => {
        sources.delete(source);
        this.#sources.delete(source);
      };
    };
    transport.observer.on('newproducer', (producer) => producer.observer.once('close', add(producer, 'in')));
    transport.observer.on('newconsumer', (consumer) => consumer.observer.once('close', add(consumer, 'out')));
    if (isWebRtc(transport)) transport.observer.once('newproducer', () => this.#watchIncoming(transport));
    // mediasoup tells of a close when it is too late to ask. What is asked just before is still answered.
    const close = transport.close.bind(transport);
    transport.close = () => {
      if (!transport.closed) this.#askLast(sources);
      close();
    };
  }

  #total(
    worker: number,
    transport: types.TransportType,
    direction: Traffic['direction'],
    kind: types.MediaKind,
  ): Traffic {
    const key = [worker, transport, direction, kind].join();
    const known = this.#totals.get(key);
    if (known) return known;
    const total = { worker, transport, direction, kind, ...none() };
    this.#totals.set(key, total);
    return total;
  }

  #watchIncoming(transport: types.WebRtcTransport): void {
    const incoming: Incoming = { transport, bytes: 0, askedAt: performance.now() };
    this.#incoming.add(incoming);
    transport.observer.once('close', () => this.#incoming.delete(incoming));
  }

  #ask(now: number): void {
    for (const source of takeDue(this.#sources, LEAST_AGE_MS, now)) {
      source.askedAt = now;
      void ask(source);
    }
    for (const incoming of takeDue(this.#incoming, INCOMING_AGE_MS, now))
      void this.#askIncoming(incoming, now);
  }

  async #askIncoming(incoming: Incoming, now: number): Promise<void> {
    const elapsed = now - incoming.askedAt;
    incoming.askedAt = now;
    const [stats] = await incoming.transport.getStats().catch(() => []);
    if (!stats) return;
    const bytes = stats.bytesReceived - incoming.bytes;
    incoming.bytes = stats.bytesReceived;
    this.emit('received', incoming.transport.id, (bytes * 8000) / elapsed, now);
  }

  #askLast(sources: Iterable<Source>): void {
    for (const source of sources) {
      if (!this.#lastWords.take(performance.now())) return;
      void ask(source);
    }
  }
}

function isWebRtc(transport: types.Transport): transport is types.WebRtcTransport {
  return transport.type === 'webrtc';
}

/** Those that were not asked for so long, a few at a time; they go to the end of the queue. */
function takeDue<T extends { readonly askedAt: number }>(queue: Set<T>, ageMs: number, now: number): T[] {
  const due: T[] = [];
  for (const each of queue) {
    if (due.length === ASK.count || now - each.askedAt < ageMs) break;
    due.push(each);
  }
  for (const each of due) {
    queue.delete(each);
    queue.add(each);
  }
  return due;
}

async function ask({ media, total, counted }: Source): Promise<void> {
  const stats: (types.ProducerStat | types.ConsumerStat)[] = await media.getStats().catch(() => []);
  // A consumer tells of its producer as well.
  const type = total.direction === 'in' ? 'inbound-rtp' : 'outbound-rtp';
  for (const stat of stats) {
    if (stat.type !== type) continue;
    const before = counted.get(stat.ssrc) ?? none();
    const now = figures(stat);
    for (const name of FIGURES) {
      // The count of lost packets goes down when some were only late.
      const highest = Math.max(now[name], before[name]);
      total[name] += highest - before[name];
      now[name] = highest;
    }
    counted.set(stat.ssrc, now);
  }
}

function figures(stat: types.ProducerStat | types.ConsumerStat): Figures {
  return {
    bytes: stat.byteCount,
    packets: stat.packetCount,
    lost: stat.packetsLost,
    retransmitted: stat.packetsRetransmitted,
    nacks: stat.nackCount,
    plis: stat.pliCount,
    firs: stat.firCount,
  };
}

function none(): Figures {
  return { bytes: 0, packets: 0, lost: 0, retransmitted: 0, nacks: 0, plis: 0, firs: 0 };
}
