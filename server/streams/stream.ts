import { timingSafeEqual } from 'node:crypto';
import type { MediaWorker } from '../../workers/media/pool.ts';
import { PharosError } from '../base/errors.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { Media, Notice, Source } from '../protocol/messages.ts';
import { AudienceWatch, countAudience, sizesOf } from './audience.ts';
import type { Receiver } from './consume.ts';
import type { StreamContext } from './context.ts';
import type { PublishOptions } from './publish-options.ts';
import { Publisher } from './publisher.ts';
import { Viewer } from './viewer.ts';

const VIEWER_COUNT_INTERVAL_MS = 1000;
/** How many waiting viewers are set up at the same time when a stream goes live. */
const ATTACH_CONCURRENCY = 16;
/** When those for whom there was no room are tried again. */
const RETRY_MS = 1000;
const NO_ROOM: Notice = {
  code: 'no_room',
  message: 'the stream is live, but the server has no room for more viewers just now',
};

/** How long a publisher's media must have ceased for its owner to take over on another connection. */
const SILENCE_MS = 1500;

/** Ends that are mishaps: the publisher may come back. */
const MISHAPS: ReadonlySet<EndReason> = new Set([
  'publisher_left',
  'media_lost',
  'taken_over',
  'worker_failed',
]);

/** A publisher that dropped out and is waited for. */
type Absence = {
  grant: string;
  secret: string | undefined;
  title: string;
  home: MediaWorker;
  reason: EndReason;
  timer: NodeJS.Timeout;
};

/** What a stream tells the registry. */
export type StreamParent = {
  /** Once, when neither publisher nor viewers are left. */
  streamOnEmpty(stream: Stream): void;
  /** A viewer came or went. */
  streamOnViewers(stream: Stream): void;
  streamOnLive(publisher: Publisher): void;
  /** A publisher that was live is gone. */
  streamOnOffline(stream: Stream, reason: EndReason): void;
};

export type StreamOptions = { id: string; context: StreamContext; parent: StreamParent };

/**
 * What a publisher sends and viewers watch, under one stream id. It lasts from
 * the first of them to come to the last to go, live while it has a publisher
 * whose tracks have all come. One that drops out is waited for, while viewers
 * keep their transports.
 */
export class Stream {
  readonly id: string;
  /** In ms since 1970. */
  readonly since = Date.now();
  readonly #context: StreamContext;
  readonly #parent: StreamParent;
  readonly #viewers = new Set<Viewer>();
  #publisher: Publisher | undefined;
  #wasLive = false;
  #absence: Absence | undefined;
  /** A publisher is being created. */
  #reserved = false;
  #countTimer: NodeJS.Timeout | undefined;
  #countSent = 0;
  #reattach: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Some wait although the stream is live. */
  #noRoom = false;
  #audience: AudienceWatch | undefined;
  #closed = false;

  constructor({ id, context, parent }: StreamOptions) {
    this.id = id;
    this.#context = context;
    this.#parent = parent;
  }

  get live(): boolean {
    return this.#publisher?.live ?? false;
  }

  /** Whether somebody publishes, is about to, or is waited for. */
  get publishing(): boolean {
    return this.#reserved || this.#publisher !== undefined || this.#absence !== undefined;
  }

  /** Why its publisher dropped out, while that is waited for. */
  get away(): EndReason | undefined {
    return this.#absence?.reason;
  }

  /** By what it is published, or was until its publisher dropped out. */
  get grant(): string | undefined {
    return this.#publisher?.grant ?? this.#absence?.grant;
  }

  get viewers(): ReadonlySet<Viewer> {
    return this.#viewers;
  }

  get publisher(): Publisher | undefined {
    return this.#publisher;
  }

  /** What it is called, or was until its publisher dropped out; '' has no title. */
  get title(): string {
    return (this.#publisher ?? this.#absence)?.title ?? '';
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  /**
   * Begins to publish, goes on with a stream whose publisher dropped out, or takes over: from a session of
   * the same grant whose media has ceased, or at once by that session's secret.
   * @throws PharosError `stream_in_use` while another publisher has it.
   */
  async publish(options: PublishOptions): Promise<Publisher> {
    if (this.#reserved) throw this.#inUse();
    this.#reserved = true;
    const { title = this.title } = options;
    try {
      await this.#makeRoom(options);
      const home = this.#absence?.home;
      const publisher = await Publisher.create({
        ...options,
        title,
        parent: this,
        context: this.#context,
        home: home?.process.closed ? undefined : home,
      });
      if (this.#closed) {
        publisher.parentClosed('server_closing');
        throw new PharosError('server_closing', 'the server is shutting down');
      }
      this.#publisher = publisher;
      publisher.holdGrant();
      return publisher;
    } finally {
      this.#reserved = false;
      this.#closeIfEmpty();
    }
  }

  /**
   * Adds a viewer. With `media` it is set up; without, it waits for the stream to go live.
   * @throws PharosError `full`, `stream_not_found` where waiting is not possible, `unsupported_codec`.
   */
  async addViewer(receiver: Receiver): Promise<{ viewer: Viewer; media?: Media }> {
    if (this.#viewers.size >= this.#viewersAllowed()) {
      throw new PharosError('full', 'this stream has as many viewers as it may have');
    }
    const viewer = new Viewer({ parent: this, context: this.#context, receiver });
    this.#viewers.add(viewer);
    this.#viewersOnChange();
    try {
      viewer.holdGrant();
      if (this.#publisher?.live) return { viewer, media: await viewer.attach(this.#publisher) };
      if (receiver.mayWait === false) throw new PharosError('stream_not_found', 'this stream is not live');
      if (!viewer.wait())
        throw new PharosError('stream_not_found', 'this stream is not live, and no more viewers can wait');
      return { viewer };
    } catch (error) {
      // The publisher went while the viewer was set up, and it waits already.
      if (viewer.unserved) return { viewer };
      viewer.close();
      throw error;
    }
  }

  /** Ends it for all: its publisher and its viewers. */
  remove(): void {
    // Viewers first: they are not to wait for what comes after it.
    for (const viewer of [...this.#viewers]) viewer.close('removed');
    this.#publisher?.close('removed');
    this.#forgetPublisher();
    this.#closeIfEmpty();
  }

  parentClosed(reason: EndReason): void {
    if (this.#closed) return;
    this.#close();
    this.#publisher?.parentClosed(reason);
    for (const viewer of this.#viewers) viewer.parentClosed(reason);
    this.#viewers.clear();
  }

  publisherOnLive(publisher: Publisher): void {
    this.#wasLive = true;
    this.#forgetPublisher();
    this.#context.logger.info({ streamId: this.id, viewers: this.viewerCount }, 'stream live');
    void this.#attachWaiting();
    this.#watchAudience(publisher);
    this.#parent.streamOnLive(publisher);
  }

  publisherOnNotice({ code, message }: Notice): void {
    this.#context.logger.warn({ streamId: this.id, notice: code, message }, 'stream trouble');
  }

  publisherOnTitle(title: string): void {
    for (const viewer of this.#viewers) if (!viewer.unserved) viewer.emit('title', title);
  }

  publisherOnSource(source: Source): void {
    this.#context.logger.info({ streamId: this.id, ...source }, 'what limits the publisher');
    // One and the same for all, so that it is encoded once.
    const event = { type: 'source', ...source } as const;
    for (const viewer of this.#viewers) if (!viewer.unserved) viewer.emit('source', event);
  }

  publisherOnSilence(silent: boolean): void {
    this.#context.logger.info({ streamId: this.id, silent }, 'publisher silent');
    for (const viewer of this.#viewers) viewer.publisherOnSilence(silent);
  }

  /** Why the stream is not live, told to those who wait; undefined when that is over. */
  tellViewers(notice: Notice | undefined): void {
    for (const viewer of this.#viewers) viewer.emit('notice', notice);
  }

  publisherOnClose(reason: EndReason): void {
    const publisher = this.#publisher;
    const wasLive = this.#wasLive;
    this.#publisher = undefined;
    this.#wasLive = false;
    this.#audience?.close();
    if (this.#noRoom) for (const viewer of this.#waiting()) viewer.emit('notice', undefined);
    this.#noRoom = false;
    const graceMs = this.#context.config.limits.publisherGrace * 1000;
    if (publisher && wasLive && graceMs > 0 && MISHAPS.has(reason)) {
      this.#awaitPublisher(publisher, reason, graceMs);
    } else if (!this.#absence || !MISHAPS.has(reason)) {
      this.#ended(reason);
    }
    if (wasLive) this.#parent.streamOnOffline(this, reason);
    this.#closeIfEmpty();
  }

  viewerOnClose(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    this.#viewersOnChange();
    this.#closeIfEmpty();
  }

  viewerOnWorkerDeath(): void {
    // All of them hear of it in this turn of the event loop.
    this.#reattach ??= setImmediate(() => {
      this.#reattach = undefined;
      if (this.live) void this.#attachWaiting();
    });
  }

  /** For one who wants to know: WHIP clients and cameras do not. */
  #watchAudience(publisher: Publisher): void {
    if (publisher.listenerCount('audience') === 0) return;
    const layers = sizesOf(publisher.producers);
    this.#audience = new AudienceWatch({
      count: () =>
        countAudience(this.#viewers, { layers, overloaded: this.#context.isOverloaded() }, Date.now()),
      tell: (audience) => publisher.emit('audience', audience),
    });
  }

  #awaitPublisher({ grant, secret, title, home }: Publisher, reason: EndReason, graceMs: number): void {
    this.#context.logger.info({ streamId: this.id, reason, viewers: this.viewerCount }, 'stream interrupted');
    const timer = setTimeout(() => {
      this.#ended(reason);
      this.#closeIfEmpty();
    }, graceMs);
    this.#absence = { grant, secret, title, home, reason, timer };
    for (const viewer of this.#viewers) viewer.publisherOnAway(reason);
  }

  /** It is back, or not waited for any longer. */
  #forgetPublisher(): void {
    clearTimeout(this.#absence?.timer);
    this.#absence = undefined;
  }

  #ended(reason: EndReason): void {
    this.#context.logger.info({ streamId: this.id, reason, viewers: this.viewerCount }, 'stream ended');
    this.#forgetPublisher();
    for (const viewer of this.#viewers) viewer.publisherOnEnd(reason);
  }

  async #attachWaiting(): Promise<void> {
    const publisher = this.#publisher;
    if (!publisher) return;
    const waiting = this.#waiting().values();
    let room = true;
    const lane = async () => {
      for (const viewer of waiting) {
        if (publisher.closed || !room) return;
        if (viewer.unserved && !(await viewer.publisherOnLive(publisher))) room = false;
      }
    };
    await Promise.all(Array.from({ length: ATTACH_CONCURRENCY }, lane));
    if (publisher.closed) return;
    if (room) this.#noRoom = false;
    else this.#attachLater();
  }

  /** There may be room by then: as viewers leave, or as the stream turns out to cost less than was expected. */
  #attachLater(): void {
    if (!this.#noRoom) for (const viewer of this.#waiting()) viewer.emit('notice', NO_ROOM);
    this.#noRoom = true;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      if (this.live) void this.#attachWaiting();
    }, RETRY_MS);
  }

  #waiting(): Viewer[] {
    return [...this.#viewers].filter((viewer) => viewer.unserved);
  }

  /** Ends the publisher that there is, where it may be taken over. @throws PharosError `stream_in_use`. */
  async #makeRoom({ grant, resume }: PublishOptions): Promise<void> {
    const holder = this.#publisher ?? this.#absence;
    if (!holder) return;
    const resumed = isSame(holder.secret, resume);
    if (!resumed && holder.grant !== grant) throw this.#inUse();
    const publisher = this.#publisher;
    if (!publisher) return;
    if (!resumed && (await publisher.isAlive(SILENCE_MS))) throw this.#inUse();
    publisher.close('taken_over');
  }

  #viewersAllowed(): number {
    const { viewersPerStream } = this.#context.config.limits;
    return Math.min(viewersPerStream, this.#publisher?.limits.viewers ?? viewersPerStream);
  }

  #inUse(): PharosError {
    return new PharosError(
      'stream_in_use',
      `somebody is publishing as "${this.id}" already; choose another identifier`,
    );
  }

  /** Merges changes: one event a second at most, however many come and go. */
  #viewersOnChange(): void {
    if (this.#closed) return;
    this.#parent.streamOnViewers(this);
    if (this.#countTimer) return;
    this.#countTimer = setTimeout(() => {
      this.#countTimer = undefined;
      if (this.viewerCount === this.#countSent) return;
      this.#countSent = this.viewerCount;
      // One and the same for all, so that it is encoded once.
      const event = { type: 'viewers', count: this.viewerCount } as const;
      this.#publisher?.emit('viewers', event);
      for (const viewer of this.#viewers) viewer.emit('viewers', event);
    }, VIEWER_COUNT_INTERVAL_MS);
  }

  #closeIfEmpty(): void {
    if (this.#closed || this.publishing || this.#viewers.size > 0) return;
    this.#close();
    this.#parent.streamOnEmpty(this);
  }

  #close(): void {
    this.#closed = true;
    this.#forgetPublisher();
    this.#audience?.close();
    clearTimeout(this.#countTimer);
    clearTimeout(this.#retry);
  }
}

/** In a time that tells nothing of where they differ. */
function isSame(secret: string | undefined, given: string | undefined): boolean {
  if (!secret || !given) return false;
  const [a, b] = [Buffer.from(secret), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
