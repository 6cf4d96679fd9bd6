import { randomBytes } from 'node:crypto';
import { PharosError } from '../base/errors.ts';
import { Slots } from '../base/slots.ts';
import type { Media, MediaKind, RtpCapabilities } from '../protocol/messages.ts';
import type { StreamContext } from './context.ts';
import type { Publisher } from './publisher.ts';
import { Stream } from './stream.ts';
import type { Viewer } from './viewer.ts';

/** All streams by their id, waited for or live. */
export class Registry {
  readonly #context: StreamContext;
  readonly #streams = new Map<string, Stream>();
  #closed = false;

  constructor(context: Omit<StreamContext, 'waiting'>) {
    this.#context = { ...context, waiting: new Slots(context.config.limits.waitingViewers) };
  }

  /**
   * Begins to publish; the stream goes live when all `tracks` have been produced.
   * @param id The stream id; left out, an unguessable one is made.
   * @throws PharosError `stream_in_use`, `server_full`, `server_closing`, `unavailable`.
   */
  async publish(tracks: readonly MediaKind[], id = generateStreamId()): Promise<Publisher> {
    const known = this.#streams.get(id);
    if (!known?.publishing && this.#publishing() >= this.#context.config.limits.streams) {
      throw new PharosError('server_full', 'this server carries as many streams as it may; try again later');
    }
    return this.#open(id).publish(tracks);
  }

  /** @throws PharosError `full`, `stream_not_found`, `unsupported_codec`, `server_closing`. */
  async watch(id: string, rtpCapabilities: RtpCapabilities): Promise<Watching> {
    const stream = this.#open(id);
    const { viewer, media } = await stream.addViewer(rtpCapabilities);
    return { viewer, media, viewers: stream.viewerCount };
  }

  viewerCount(id: string): number {
    return this.#streams.get(id)?.viewerCount ?? 0;
  }

  /** Figures for health and metrics. */
  snapshot(): { streams: number; viewers: number; waiting: number } {
    let streams = 0;
    let viewers = 0;
    for (const stream of this.#streams.values()) {
      if (stream.live) streams += 1;
      viewers += stream.viewerCount;
    }
    return { streams, viewers, waiting: this.#context.waiting.taken };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.parentClosed('server_closing');
    this.#streams.clear();
  }

  #open(id: string): Stream {
    if (this.#closed) throw new PharosError('server_closing', 'the server is shutting down');
    const known = this.#streams.get(id);
    if (known) return known;
    const stream = new Stream({ id, context: this.#context, onEmpty: () => this.#streams.delete(id) });
    this.#streams.set(id, stream);
    return stream;
  }

  #publishing(): number {
    let count = 0;
    for (const stream of this.#streams.values()) if (stream.publishing) count += 1;
    return count;
  }
}

export type Watching = { viewer: Viewer; media: Media | undefined; viewers: number };

/** 128 random bits: whoever is not told the id cannot guess it. */
function generateStreamId(): string {
  return randomBytes(16).toString('base64url');
}
