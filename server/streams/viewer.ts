import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { TransportEnd } from '../../workers/media/transports.ts';
import { PharosError } from '../base/errors.ts';
import type { EndReason } from '../protocol/codes.ts';
import type {
  DtlsParameters,
  EventOf,
  Media,
  Notice,
  Receiving,
  Tracks,
  TransportParameters,
} from '../protocol/messages.ts';
import type { Receiver } from './consume.ts';
import type { StreamContext, Who } from './context.ts';
import type { Wish } from './layers.ts';
import type { Publisher } from './publisher.ts';
import { REPORT_GAP_MS, type Reported } from './reported.ts';
import { type Attached, ViewerMedia } from './viewer-media.ts';

export type ViewerEvents = {
  /** Its media path is established. */
  connected: [];
  /** The stream it waited for went live. */
  live: [Media];
  /** The publisher dropped out and may come back; `tracks`, `live` or `ended` follows. */
  away: [EndReason];
  /** Nothing comes from the publisher for the moment, or something does again. */
  silence: [boolean];
  /** The publisher is back: these tracks on the same transport, instead of those before. */
  tracks: [Tracks];
  /** The stream, or this viewer's part in it, ended; if `waiting`, `live` may follow. */
  ended: [EndReason, waiting: boolean];
  viewers: [EventOf<'viewers'>];
  /** The spatial layer of a simulcast that it gets now; null while it gets none. */
  layer: [number | null];
  /** The stream is called something else from now on. */
  title: [string];
  /** What limits its publisher has changed. */
  source: [EventOf<'source'>];
  /** Why the stream is not live; undefined when that is over. */
  notice: [Notice | undefined];
};

/** What a viewer tells the stream it belongs to. */
export type ViewerParent = {
  readonly id: string;
  viewerOnClose(viewer: Viewer): void;
  /** The worker that viewers were on died, with their transports. */
  viewerOnWorkerDeath(): void;
};

type ViewerOptions = {
  parent: ViewerParent;
  context: StreamContext;
  receiver: Receiver;
};

/** One who receives: waits for the stream, or has a transport with a consumer for each track. */
export class Viewer extends EventEmitter<ViewerEvents> {
  /** For administrators; no secret. */
  readonly id = randomUUID();
  /** In ms since 1970. */
  readonly since = Date.now();
  /** What it last said of its receiving. */
  receiving: Reported<Receiving> | undefined;
  /** When it last said that its picture had stood still, in ms since 1970. */
  frozenAt = 0;
  readonly #parent: ViewerParent;
  readonly #context: StreamContext;
  readonly #receiver: Receiver;
  readonly #media: ViewerMedia;
  #waiting: NodeJS.Timeout | undefined;
  /** It had media, and is to have it again when the publisher, or a worker, is there. */
  #interrupted = false;
  #dropGrant: (() => void) | undefined;
  #closed = false;

  constructor({ parent, context, receiver }: ViewerOptions) {
    super();
    this.#parent = parent;
    this.#context = context;
    this.#receiver = receiver;
    this.#media = new ViewerMedia({
      ...{ context, receiver },
      onConnected: () => this.emit('connected'),
      onEnd: (reason) => this.#mediaOnEnd(reason),
      onLayer: (layer) => this.emit('layer', layer),
    });
  }

  get streamId(): string {
    return this.#parent.id;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get who(): Who | undefined {
    return this.#receiver.who;
  }

  /** The spatial layer that it gets now, 0 where there is but one; null while it gets no picture. */
  get layer(): number | null {
    return this.#media.layers.current;
  }

  get waiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Whether it would have media if the stream were live and there were room. */
  get unserved(): boolean {
    return this.waiting || this.#interrupted;
  }

  /** Its transport, where that is and what is on it; undefined while it has none. */
  get attached(): Attached | undefined {
    return this.#media.attached;
  }

  /** From now on it ends with its grant. */
  holdGrant(): void {
    this.#dropGrant = this.#receiver.onGrantEnd?.(() => this.close('not_allowed'));
  }

  /**
   * Starts to wait, for `limits.waitTime` at most.
   * @returns false if the waiting room is full.
   */
  wait(): boolean {
    const { config, waiting } = this.#context;
    if (!waiting.take()) return false;
    this.#waiting = setTimeout(() => this.close('wait_timeout'), config.limits.waitTime * 1000);
    return true;
  }

  /** Sets up a transport and all consumers on it. @throws PharosError as `ViewerMedia.attach` does. */
  attach(publisher: Publisher): Promise<Media> {
    this.#stopWaiting();
    this.#interrupted = false;
    return this.#media.attach(publisher);
  }

  /**
   * The stream is live, and this viewer has no media of it.
   * @returns false if there is no room on the server: it goes on waiting.
   */
  async publisherOnLive(publisher: Publisher): Promise<boolean> {
    const wasInterrupted = this.#interrupted;
    try {
      const tracks = await this.#renew(publisher);
      if (tracks) this.emit('tracks', tracks);
      else this.emit('live', await this.attach(publisher));
      // What came of it while the tracks were on their way here.
      this.#media.layers.repeat();
    } catch (error) {
      if (this.#closed || publisher.closed || this.unserved) return true;
      if (error instanceof PharosError && error.code === 'full' && this.wait()) {
        if (wasInterrupted) this.emit('ended', 'worker_failed', true);
        return false;
      }
      this.#context.logger.warn(
        { streamId: this.streamId, error: String(error) },
        'waiting viewer could not join',
      );
      this.close('media_lost');
    }
    return true;
  }

  /** The publisher dropped out and may come back: the transport stays, if its worker lives. */
  publisherOnAway(reason: EndReason): void {
    if (this.#closed || this.waiting) return;
    this.#media.idle();
    this.#interrupt(reason);
  }

  publisherOnSilence(silent: boolean): void {
    if (!this.#closed && !this.unserved) this.emit('silence', silent);
  }

  /** The publisher is gone: back to waiting, or, where there is no room to wait, over. */
  publisherOnEnd(reason: EndReason): void {
    if (this.#closed || this.waiting) return;
    this.#interrupted = false;
    this.#media.drop();
    if (this.wait()) this.emit('ended', reason, true);
    else this.close(reason);
  }

  /** @throws PharosError as `ViewerMedia.connect` does. */
  connect(dtlsParameters: DtlsParameters): Promise<void> {
    return this.#media.connect(dtlsParameters);
  }

  /** New ICE credentials for the same media path. @throws PharosError `wrong_order` without one. */
  restartIce(): Promise<TransportParameters> {
    return this.#media.restartIce();
  }

  /** Takes its own statistics; more than one a second are not listened to. */
  report({ frozen, bitrate, width, height, frameRate, roundTrip, lost, path, slowDecoder }: Receiving): void {
    const at = Date.now();
    if (this.receiving && at - this.receiving.at < REPORT_GAP_MS) return;
    this.receiving = {
      ...{ frozen, bitrate, width, height, frameRate, roundTrip, lost, path, slowDecoder },
      at,
    };
    if (frozen > 0) this.frozenAt = at;
  }

  /** What it wants of the video, now and of publishers to come. */
  async prefer(wish: Wish): Promise<void> {
    await this.#media.layers.prefer(wish);
  }

  /** Leaves the stream. Without a reason nobody is told but the stream. */
  close(reason?: EndReason): void {
    if (this.#closed) return;
    this.#release();
    this.#parent.viewerOnClose(this);
    if (reason) this.emit('ended', reason, false);
  }

  parentClosed(reason: EndReason): void {
    if (this.#closed) return;
    this.#release();
    this.emit('ended', reason, false);
  }

  /** The new publisher's tracks on the transport that there is; undefined if there is none that will do. */
  async #renew(publisher: Publisher): Promise<Tracks | undefined> {
    const { attached } = this.#media;
    if (!attached) return undefined;
    this.#interrupted = false;
    try {
      return await this.#media.renew(attached, publisher);
    } catch (error) {
      if (this.#closed || publisher.closed || this.unserved) throw error;
      // On a transport of its own it may be possible.
      this.#media.drop();
      return undefined;
    }
  }

  #interrupt(reason: EndReason): void {
    if (this.#interrupted) return;
    this.#interrupted = true;
    this.emit('away', reason);
  }

  #release(): void {
    this.#closed = true;
    this.#dropGrant?.();
    this.#stopWaiting();
    this.#media.close();
  }

  #stopWaiting(): void {
    if (!this.#waiting) return;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#context.waiting.give();
  }

  #mediaOnEnd(reason: TransportEnd): void {
    if (reason !== 'worker_failed') {
      this.close(reason);
      return;
    }
    this.#media.drop();
    this.#interrupt(reason);
    this.#parent.viewerOnWorkerDeath();
  }
}
