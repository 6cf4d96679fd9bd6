import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { PharosError } from '../base/errors.ts';
import { Slots } from '../base/slots.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { Media, Notice } from '../protocol/messages.ts';
import type { Receiver } from './consume.ts';
import type { Held, StreamContext, Who } from './context.ts';
import { MOST_PROBES, Probe } from './probe.ts';
import type { PublishOptions } from './publish-options.ts';
import type { Publisher } from './publisher.ts';
import { Stream } from './stream.ts';
import type { Viewer } from './viewer.ts';

export type RegistryEvents = {
  /** A viewer of the stream came or went. */
  demand: [streamId: string, viewers: number];
  /** All tracks of the stream's publisher are there. */
  live: [Publisher];
  /** The stream's publisher, which was live, is gone. */
  offline: [streamId: string, EndReason];
};

export type RegistrySnapshot = {
  /** Live. */
  streams: number;
  publishers: Record<Publisher['kind'], number>;
  viewers: number;
  waiting: number;
  /** How often a stream that was live was not any more, by reason. */
  ended: Partial<Record<EndReason, number>>;
};

/** A stream id kept for a source of the server's own, such as a camera. */
export type Reservation = {
  readonly streamId: string;
  /** Why the stream is not live, for those who wait for it. */
  readonly notice: Notice | undefined;
  tell(notice: Notice | undefined): void;
  publish(options: PublishOptions): Promise<Publisher>;
  /** Gives the id free; a publisher under it goes on. */
  release(): void;
};

/** All streams by their id, waited for or live. */
export class Registry extends EventEmitter<RegistryEvents> {
  readonly #context: StreamContext;
  readonly #streams = new Map<string, Stream>();
  readonly #reservations = new Map<string, Reservation>();
  readonly #ended: Partial<Record<EndReason, number>> = {};
  readonly #probes = new Slots(MOST_PROBES);
  #draining = false;
  #closed = false;

  /** @param context `isOverloaded`: whether the server process has no time for more. */
  constructor(context: Omit<StreamContext, 'waiting' | 'isOverloaded'> & { isOverloaded?: () => boolean }) {
    super();
    const { isOverloaded, config, pool } = context;
    this.#context = {
      ...context,
      isOverloaded: () => isOverloaded?.() === true || pool.isFull(config.limits.maxLoad),
      waiting: new Slots(config.limits.waitingViewers),
    };
  }

  /**
   * Begins to publish; the stream goes live when all tracks have been produced.
   * @param options `id`: the stream id; left out, an unguessable one is made.
   * @throws PharosError `stream_in_use`, `server_full`, `server_closing`, `unavailable`.
   */
  async publish({
    id = generateStreamId(),
    ...options
  }: PublishOptions & { id?: string }): Promise<Publisher> {
    if (this.#reservations.has(id)) throw inUseByCamera(id);
    return this.#publish(id, options);
  }

  /**
   * Keeps a stream id: from now on only the reservation publishes under it.
   * @throws PharosError `stream_in_use` if it is kept or published already.
   */
  reserve(id: string): Reservation {
    if (this.#reservations.has(id) || this.#streams.get(id)?.publishing) throw inUseByCamera(id);
    let notice: Notice | undefined;
    const reservation: Reservation = {
      streamId: id,
      get notice() {
        return notice;
      },
      tell: (changed) => {
        if (notice?.code === changed?.code && notice?.message === changed?.message) return;
        notice = changed;
        this.#streams.get(id)?.tellViewers(notice);
      },
      publish: (options) => this.#publish(id, options),
      release: () => {
        if (this.#reservations.get(id) === reservation) this.#reservations.delete(id);
      },
    };
    this.#reservations.set(id, reservation);
    return reservation;
  }

  /**
   * @throws PharosError `full`, `stream_not_found`, `unsupported_codec`, `server_closing`.
   */
  async watch(id: string, receiver: Receiver): Promise<Watching> {
    const stream = this.#open(id);
    const { viewer, media } = await stream.addViewer(receiver);
    return { viewer, media, viewers: stream.viewerCount, notice: this.#reservations.get(id)?.notice };
  }

  /** A media path to try. @throws PharosError `server_full`, `server_closing`, `unavailable`. */
  async probe(by: Pick<Held, 'limits' | 'onGrantEnd'>): Promise<Probe> {
    if (this.#draining || this.#closed) throw closing();
    return Probe.create({ ...by, context: this.#context, places: this.#probes });
  }

  /** Whether a source of the server's own will make the stream live for whoever waits. */
  isReserved(id: string): boolean {
    return this.#reservations.has(id);
  }

  /** Waited for or live, by their id. */
  get streams(): ReadonlyMap<string, Stream> {
    return this.#streams;
  }

  /** The stream's publisher, if there is one. */
  publisherOf(id: string): Publisher | undefined {
    return this.#streams.get(id)?.publisher;
  }

  viewerCount(id: string): number {
    return this.#streams.get(id)?.viewerCount ?? 0;
  }

  /** Figures for health and metrics. */
  snapshot(): RegistrySnapshot {
    const publishers = { webrtc: 0, rtp: 0 };
    let streams = 0;
    let viewers = 0;
    for (const { live, publisher, viewerCount } of this.#streams.values()) {
      if (publisher) publishers[publisher.kind] += 1;
      if (live) streams += 1;
      viewers += viewerCount;
    }
    const waiting = this.#context.waiting.taken;
    return { streams, publishers, viewers, waiting, ended: { ...this.#ended } };
  }

  /** Those who wait too. */
  viewersByStream(): Record<string, number> {
    return Object.fromEntries([...this.#streams].map(([id, { viewerCount }]) => [id, viewerCount]));
  }

  /** Streams that somebody publishes, watches or waits for, for administrators. */
  list(): StreamSummary[] {
    return [...this.#streams.values()].map(({ id, live, title, viewerCount, since }) => {
      return { stream: id, title, live, viewers: viewerCount, since };
    });
  }

  /** Who publishes and watches a stream, for administrators. */
  participants(id: string): Participant[] {
    const stream = this.#streams.get(id);
    if (!stream) return [];
    const { publisher } = stream;
    return [
      ...(publisher ? [participant('publisher', publisher)] : []),
      ...[...stream.viewers].map((viewer) => participant('viewer', viewer)),
    ];
  }

  /** Ends one participant's part. @returns false if there is no such participant. */
  kick(id: string, participantId: string): boolean {
    const stream = this.#streams.get(id);
    const found = [stream?.publisher, ...(stream?.viewers ?? [])].find((each) => each?.id === participantId);
    found?.close('removed');
    return found !== undefined;
  }

  /** Ends a stream for all. @returns false if there is none. */
  remove(id: string): boolean {
    const stream = this.#streams.get(id);
    stream?.remove();
    return stream !== undefined;
  }

  /** What a transport was found to receive, in bit/s; `now` in ms of the clock of `performance.now`. */
  received(transportId: string, bitrate: number, now: number): void {
    for (const { publisher } of this.#streams.values()) {
      if (publisher?.isOn(transportId)) publisher.received(bitrate, now);
    }
  }

  /** From now on nobody begins to publish or to watch here; what there is goes on. */
  drain(): void {
    this.#draining = true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.parentClosed('server_closing');
    this.#streams.clear();
  }

  streamOnEmpty(stream: Stream): void {
    this.#streams.delete(stream.id);
  }

  streamOnLive(publisher: Publisher): void {
    this.emit('live', publisher);
  }

  streamOnOffline(stream: Stream, reason: EndReason): void {
    this.#ended[reason] = (this.#ended[reason] ?? 0) + 1;
    this.emit('offline', stream.id, reason);
  }

  streamOnViewers(stream: Stream): void {
    this.emit('demand', stream.id, stream.viewerCount);
  }

  async #publish(id: string, options: PublishOptions): Promise<Publisher> {
    const known = this.#streams.get(id);
    if (!known?.publishing && this.#publishing() >= this.#context.config.limits.streams) {
      throw new PharosError('server_full', 'this server carries as many streams as it may; try again later');
    }
    if (this.#publishedBy(options.grant, id) >= this.#allowed(options)) {
      throw new PharosError('too_many_requests', 'you publish as many streams as you may; stop one of them');
    }
    return this.#open(id).publish(options);
  }

  #open(id: string): Stream {
    if (this.#draining || this.#closed) throw closing();
    const known = this.#streams.get(id);
    if (known) return known;
    const stream = new Stream({ id, context: this.#context, parent: this });
    this.#streams.set(id, stream);
    return stream;
  }

  #publishing(): number {
    let count = 0;
    for (const stream of this.#streams.values()) if (stream.publishing) count += 1;
    return count;
  }

  /** Other streams of this grant. */
  #publishedBy(grant: string, id: string): number {
    let count = 0;
    for (const stream of this.#streams.values()) if (stream.grant === grant && stream.id !== id) count += 1;
    return count;
  }

  /** A source of the server's own is bounded where it is made. */
  #allowed({ kind, limits }: PublishOptions): number {
    if (kind === 'rtp') return Number.POSITIVE_INFINITY;
    const { streamsPerGrant } = this.#context.config.limits;
    return Math.min(streamsPerGrant, limits?.streams ?? streamsPerGrant);
  }
}

/** A stream, as administrators see it. */
export type StreamSummary = {
  stream: string;
  /** '' where it has none. */
  title: string;
  live: boolean;
  viewers: number;
  /** When the first of them came, in ms since 1970. */
  since: number;
};

/** One who publishes or watches, as administrators see it. */
export type Participant = {
  id: string;
  role: 'publisher' | 'viewer';
  /** In ms since 1970. */
  since: number;
} & Partial<Who>;

function participant(role: Participant['role'], { id, since, who }: Publisher | Viewer): Participant {
  return { id, role, since, ...who };
}

export type Watching = {
  viewer: Viewer;
  /** Undefined while it waits. */
  media: Media | undefined;
  viewers: number;
  notice: Notice | undefined;
};

function closing(): PharosError {
  return new PharosError('server_closing', 'the server is shutting down');
}

function inUseByCamera(id: string): PharosError {
  return new PharosError('stream_in_use', `"${id}" is in use already; choose another identifier`);
}

/** 128 random bits: whoever is not told the id cannot guess it. */
function generateStreamId(): string {
  return randomBytes(16).toString('base64url');
}
