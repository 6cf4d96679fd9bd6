import { PharosError } from '../base/errors.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { Media, Notice } from '../protocol/messages.ts';
import type { StreamContext } from './context.ts';
import { Publisher, type PublishOptions } from './publisher.ts';
import { type Receiver, Viewer } from './viewer.ts';

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
 * whose tracks have all come.
 */
export class Stream {
  readonly id: string;
  readonly #context: StreamContext;
  readonly #parent: StreamParent;
  readonly #viewers = new Set<Viewer>();
  #publisher: Publisher | undefined;
  #wasLive = false;
  /** A publisher is being created. */
  #reserved = false;
  #countTimer: NodeJS.Timeout | undefined;
  #countSent = 0;
  #reattach: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Some wait although the stream is live. */
  #noRoom = false;
  #closed = false;

  constructor({ id, context, parent }: StreamOptions) {
    this.id = id;
    this.#context = context;
    this.#parent = parent;
  }

  get live(): boolean {
    return this.#publisher?.live ?? false;
  }

  get publishing(): boolean {
    return this.#reserved || this.#publisher !== undefined;
  }

  get publisher(): Publisher | undefined {
    return this.#publisher;
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  /**
   * Begins to publish, or takes over from a session of the same grant whose media has ceased.
   * @throws PharosError `stream_in_use` while another publisher has it.
   */
  async publish(options: PublishOptions): Promise<Publisher> {
    if (this.#reserved) throw this.#inUse();
    this.#reserved = true;
    try {
      await this.#makeRoom(options.grant);
      const publisher = await Publisher.create({ ...options, parent: this, context: this.#context });
      if (this.#closed) {
        publisher.parentClosed('server_closing');
        throw new PharosError('server_closing', 'the server is shutting down');
      }
      this.#publisher = publisher;
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
    if (this.#viewers.size >= this.#context.config.limits.viewersPerStream) {
      throw new PharosError('full', 'this stream has as many viewers as it may have');
    }
    const viewer = new Viewer({ parent: this, context: this.#context, receiver });
    this.#viewers.add(viewer);
    this.#viewersOnChange();
    try {
      if (this.#publisher?.live) return { viewer, media: await viewer.attach(this.#publisher) };
      if (receiver.mayWait === false) throw new PharosError('stream_not_found', 'this stream is not live');
      if (!viewer.wait())
        throw new PharosError('stream_not_found', 'this stream is not live, and no more viewers can wait');
      return { viewer };
    } catch (error) {
      // The publisher went while the viewer was set up, and it waits already.
      if (viewer.waiting) return { viewer };
      viewer.close();
      throw error;
    }
  }

  parentClosed(reason: EndReason): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#countTimer);
    clearTimeout(this.#retry);
    this.#publisher?.parentClosed(reason);
    for (const viewer of this.#viewers) viewer.parentClosed(reason);
    this.#viewers.clear();
  }

  publisherOnLive(publisher: Publisher): void {
    this.#wasLive = true;
    this.#context.logger.info({ streamId: this.id, viewers: this.viewerCount }, 'stream live');
    void this.#attachWaiting();
    this.#parent.streamOnLive(publisher);
  }

  publisherOnNotice({ code, message }: Notice): void {
    this.#context.logger.warn({ streamId: this.id, notice: code, message }, 'stream trouble');
  }

  /** Why the stream is not live, told to those who wait; undefined when that is over. */
  tellViewers(notice: Notice | undefined): void {
    for (const viewer of this.#viewers) viewer.emit('notice', notice);
  }

  publisherOnClose(reason: EndReason): void {
    this.#context.logger.info({ streamId: this.id, reason, viewers: this.viewerCount }, 'stream ended');
    this.#publisher = undefined;
    if (this.#noRoom) for (const viewer of this.#waiting()) viewer.emit('notice', undefined);
    this.#noRoom = false;
    for (const viewer of this.#viewers) viewer.publisherOnEnd(reason);
    if (this.#wasLive) this.#parent.streamOnOffline(this, reason);
    this.#wasLive = false;
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

  async #attachWaiting(): Promise<void> {
    const publisher = this.#publisher;
    if (!publisher) return;
    const waiting = this.#waiting().values();
    let room = true;
    const lane = async () => {
      for (const viewer of waiting) {
        if (publisher.closed || !room) return;
        if (viewer.waiting && !(await viewer.publisherOnLive(publisher))) room = false;
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
    return [...this.#viewers].filter((viewer) => viewer.waiting);
  }

  /** Ends a publisher of the same grant that has gone silent. @throws PharosError `stream_in_use`. */
  async #makeRoom(grant: string): Promise<void> {
    const publisher = this.#publisher;
    if (!publisher) return;
    if (publisher.grant !== grant || (await publisher.isAlive(SILENCE_MS))) throw this.#inUse();
    publisher.close('taken_over');
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
    this.#closed = true;
    clearTimeout(this.#countTimer);
    clearTimeout(this.#retry);
    this.#parent.streamOnEmpty(this);
  }
}
