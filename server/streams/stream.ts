import { PharosError } from '../base/errors.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { Media, MediaKind, RtpCapabilities } from '../protocol/messages.ts';
import type { StreamContext } from './context.ts';
import { Publisher } from './publisher.ts';
import { Viewer } from './viewer.ts';

const VIEWER_COUNT_INTERVAL_MS = 1000;
/** How many waiting viewers are set up at the same time when a stream goes live. */
const ATTACH_CONCURRENCY = 16;

export type StreamOptions = {
  id: string;
  context: StreamContext;
  /** Called once, when neither publisher nor viewers are left. */
  onEmpty: (stream: Stream) => void;
};

/**
 * What a publisher sends and viewers watch, under one stream id. It lasts from
 * the first of them to come to the last to go, live while it has a publisher
 * whose tracks have all come.
 */
export class Stream {
  readonly id: string;
  readonly #context: StreamContext;
  readonly #onEmpty: (stream: Stream) => void;
  readonly #viewers = new Set<Viewer>();
  #publisher: Publisher | undefined;
  /** A publisher is being created. */
  #reserved = false;
  #countTimer: NodeJS.Timeout | undefined;
  #countSent = 0;
  #closed = false;

  constructor({ id, context, onEmpty }: StreamOptions) {
    this.id = id;
    this.#context = context;
    this.#onEmpty = onEmpty;
  }

  get live(): boolean {
    return this.#publisher?.live ?? false;
  }

  get publishing(): boolean {
    return this.#reserved || this.#publisher !== undefined;
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  /** @throws PharosError `stream_in_use` while another publisher has it. */
  async publish(tracks: readonly MediaKind[]): Promise<Publisher> {
    if (this.publishing) {
      throw new PharosError(
        'stream_in_use',
        `somebody is publishing as "${this.id}" already; choose another identifier`,
      );
    }
    this.#reserved = true;
    try {
      const publisher = await Publisher.create({ parent: this, context: this.#context, tracks });
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
  async addViewer(rtpCapabilities: RtpCapabilities): Promise<{ viewer: Viewer; media?: Media }> {
    if (this.#viewers.size >= this.#context.config.limits.viewersPerStream) {
      throw new PharosError('full', 'this stream has as many viewers as it may have');
    }
    const viewer = new Viewer({ parent: this, context: this.#context, rtpCapabilities });
    this.#viewers.add(viewer);
    this.#viewersOnChange();
    try {
      if (this.#publisher?.live) return { viewer, media: await viewer.attach(this.#publisher) };
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
    this.#publisher?.parentClosed(reason);
    for (const viewer of this.#viewers) viewer.parentClosed(reason);
    this.#viewers.clear();
  }

  publisherOnLive(): void {
    this.#context.logger.info({ streamId: this.id, viewers: this.viewerCount }, 'stream live');
    void this.#attachWaiting();
  }

  publisherOnClose(reason: EndReason): void {
    this.#context.logger.info({ streamId: this.id, reason, viewers: this.viewerCount }, 'stream ended');
    this.#publisher = undefined;
    for (const viewer of this.#viewers) viewer.publisherOnEnd(reason);
    this.#closeIfEmpty();
  }

  viewerOnClose(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    this.#viewersOnChange();
    this.#closeIfEmpty();
  }

  async #attachWaiting(): Promise<void> {
    const publisher = this.#publisher;
    if (!publisher) return;
    const waiting = [...this.#viewers].filter((viewer) => viewer.waiting).values();
    const lane = async () => {
      for (const viewer of waiting) {
        if (publisher.closed) return;
        if (viewer.waiting) await viewer.publisherOnLive(publisher);
      }
    };
    await Promise.all(Array.from({ length: ATTACH_CONCURRENCY }, lane));
  }

  /** Merges changes: one event a second at most, however many come and go. */
  #viewersOnChange(): void {
    if (this.#closed || this.#countTimer) return;
    this.#countTimer = setTimeout(() => {
      this.#countTimer = undefined;
      if (this.viewerCount === this.#countSent) return;
      this.#countSent = this.viewerCount;
      this.#publisher?.emit('viewers', this.viewerCount);
      for (const viewer of this.#viewers) viewer.emit('viewers', this.viewerCount);
    }, VIEWER_COUNT_INTERVAL_MS);
  }

  #closeIfEmpty(): void {
    if (this.#closed || this.publishing || this.#viewers.size > 0) return;
    this.#closed = true;
    clearTimeout(this.#countTimer);
    this.#onEmpty(this);
  }
}
