import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';
import type { Place } from '../../workers/media/fanout.ts';
import { asSeen, pageReceiver } from '../../workers/media/page-h264.ts';
import {
  connectTransport,
  createTransport,
  restartIce,
  transportParameters,
  watchTransport,
} from '../../workers/media/transports.ts';
import { useWire, type Wire } from '../../workers/media/wire.ts';
import type { Grant } from '../auth/grant.ts';
import { PharosError } from '../base/errors.ts';
import type { EndReason } from '../protocol/codes.ts';
import type {
  ConsumerParameters,
  DtlsParameters,
  EventOf,
  Media,
  MediaKind,
  Notice,
  Receiving,
  RtpCapabilities,
  Tracks,
  TransportParameters,
} from '../protocol/messages.ts';
import type { StreamContext, Who } from './context.ts';
import { Layers, scalesOf, type Wish } from './layers.ts';
import type { Publisher } from './publisher.ts';
import { REPORT_GAP_MS, type Reported } from './reported.ts';

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

/** What a viewer can receive, and how. */
export type Receiver = {
  /** In the router's numbering. */
  rtpCapabilities: RtpCapabilities;
  /** Where the viewer dictates numbers of its own. */
  wire?: Wire;
  /** The media sections' names (RFC 9143) where the viewer chose them. */
  mids?: Partial<Record<MediaKind, string>>;
  /** False for one who would rather be told that the stream is not live. */
  mayWait?: boolean;
  who?: Who | undefined;
  /** Calls when the grant no longer holds: that ends the viewer's part. */
  onGrantEnd?: Grant['onEnd'] | undefined;
};

/** How a viewer gets its media. */
export type Attached = {
  readonly worker: Place['worker'];
  readonly transport: types.WebRtcTransport;
  readonly consumers: readonly types.Consumer[];
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
  #transport: types.WebRtcTransport | undefined;
  /** Where the transport is. */
  #place: Place | undefined;
  #consumers: readonly types.Consumer[] = [];
  readonly #layers = new Layers((layer) => this.emit('layer', layer));
  #connected = false;
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
    return this.#layers.current;
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
    const [transport, worker] = [this.#transport, this.#place?.worker];
    return transport && worker && { worker, transport, consumers: this.#consumers };
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

  /**
   * Sets up the transport and all consumers on it.
   * @throws PharosError `unsupported_codec` if none of the stream's tracks can be played, `full` if the
   *   server is, `stream_not_found` if the publisher or this viewer went meanwhile.
   */
  async attach(publisher: Publisher): Promise<Media> {
    this.#stopWaiting();
    this.#interrupted = false;
    let place: Place | undefined;
    let transport: types.WebRtcTransport | undefined;
    try {
      place = await publisher.fanout.place();
      // Players by WHEP, those with numbers of their own, may not check it.
      const consent = !this.#receiver.wire;
      transport = await createTransport(place.worker, this.#context.config.media, consent);
      transport.observer.once('close', place.leave);
      const tracks = await this.#consume(place, transport);
      if (this.#closed || publisher.closed) throw new Error('ended meanwhile');
      this.#transport = transport;
      this.#place = place;
      this.#connected = false;
      this.#watch(transport, consent);
      return { transport: transportParameters(transport), ...tracks, ...about(publisher) };
    } catch (error) {
      transport?.close();
      place?.leave();
      // Whatever failed, failed because of that.
      if (this.#closed || publisher.closed)
        throw new PharosError('stream_not_found', 'the stream has just ended');
      throw error;
    }
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
      this.#layers.repeat();
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
    this.#place?.leave();
    if (this.#place?.worker.process.closed) this.#dropTransport();
    this.#interrupt(reason);
  }

  publisherOnSilence(silent: boolean): void {
    if (!this.#closed && !this.unserved) this.emit('silence', silent);
  }

  /** The publisher is gone: back to waiting, or, where there is no room to wait, over. */
  publisherOnEnd(reason: EndReason): void {
    if (this.#closed || this.waiting) return;
    this.#interrupted = false;
    this.#dropTransport();
    if (this.wait()) this.emit('ended', reason, true);
    else this.close(reason);
  }

  /** @throws PharosError `wrong_order` without media or if connected, `media_failed` on unusable parameters. */
  async connect(dtlsParameters: DtlsParameters): Promise<void> {
    if (!this.#transport)
      throw new PharosError('wrong_order', 'there is no transport to connect: the stream is not live');
    if (this.#connected) throw new PharosError('wrong_order', 'this transport is connected already');
    const transport = this.#transport;
    await connectTransport(transport, dtlsParameters);
    // The stream may have ended and started again meanwhile, on another transport.
    if (transport === this.#transport) this.#connected = true;
  }

  /** New ICE credentials for the same media path (RFC 8445, section 2.4). @throws PharosError `wrong_order`. */
  async restartIce(): Promise<TransportParameters> {
    if (!this.#transport) throw new PharosError('wrong_order', 'the stream has ended');
    return restartIce(this.#transport);
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
    await this.#layers.prefer(wish);
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
    const transport = this.#transport;
    const worker = this.#place?.worker;
    if (!transport || !worker) return undefined;
    this.#interrupted = false;
    let place: Place | undefined;
    try {
      place = await publisher.fanout.place(worker);
      const tracks = await this.#consume(place, transport);
      if (this.#closed || transport.closed || publisher.closed) throw new Error('ended meanwhile');
      transport.observer.once('close', place.leave);
      this.#place = place;
      return { ...tracks, ...about(publisher) };
    } catch (error) {
      place?.leave();
      if (this.#closed || publisher.closed || this.unserved) throw error;
      // On a transport of its own it may be possible.
      this.#dropTransport();
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
    this.#dropTransport();
  }

  #dropTransport(): void {
    this.#transport?.close();
    this.#transport = undefined;
  }

  #stopWaiting(): void {
    if (!this.#waiting) return;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#context.waiting.give();
  }

  #watch(transport: types.WebRtcTransport, consent: boolean): void {
    const { limits, media } = this.#context.config;
    watchTransport(transport, {
      setupMs: limits.mediaSetupTime * 1000,
      silenceMs: consent ? undefined : media.iceConsentTimeout * 1000,
      onConnected: () => this.emit('connected'),
      onEnd: (reason) => this.#transportOnEnd(transport, reason),
    });
  }

  #transportOnEnd(transport: types.WebRtcTransport, reason: EndReason): void {
    if (transport !== this.#transport) return;
    if (reason !== 'worker_failed') {
      this.close(reason);
      return;
    }
    this.#dropTransport();
    this.#interrupt(reason);
    this.#parent.viewerOnWorkerDeath();
  }

  async #consume({ worker, producers }: Place, transport: types.WebRtcTransport): Promise<Tracks> {
    const { mids } = this.#receiver;
    const isPage = !this.#receiver.wire;
    const { rtpCapabilities, wire } = isPage
      ? pageReceiver(worker.router, producers, this.#receiver.rtpCapabilities)
      : this.#receiver;
    if (wire) useWire(transport, wire);
    const playable = producers.filter((producer) =>
      worker.router.canConsume({ producerId: producer.id, rtpCapabilities }),
    );
    const unplayable = producers.filter((producer) => !playable.includes(producer)).map(describeTrack);
    if (playable.length === 0) {
      const codecs = unplayable.map(({ mimeType }) => mimeType).join(' and ');
      throw new PharosError('unsupported_codec', `this stream is ${codecs}, which this client cannot play`);
    }
    const consumers = await Promise.all(
      playable.map((producer) =>
        transport.consume({ producerId: producer.id, rtpCapabilities, mid: mids?.[producer.kind] }),
      ),
    );
    this.#consumers = consumers;
    await this.#layers.use(transport, consumers);
    return {
      consumers: consumers.map((consumer) => consumerParameters(consumer, isPage ? wire : undefined)),
      unplayable,
    };
  }
}

/** What a viewer is told with a publisher's tracks. */
function about({ title, source }: Publisher): Pick<Tracks, 'title' | 'source'> {
  const limited = source.weak || source.limitation !== 'none';
  return { ...(title && { title }), ...(limited && { source }) };
}

function describeTrack({ kind, rtpParameters }: types.Producer): Media['unplayable'][number] {
  return { kind, mimeType: rtpParameters.codecs[0]?.mimeType ?? kind };
}

// mediasoup types `uri` wider by one obsolete extension that its routers do not offer.
function consumerParameters(consumer: types.Consumer, wire: Wire | undefined): ConsumerParameters {
  const { id, producerId, kind, rtpParameters } = consumer;
  const seen = wire ? asSeen(rtpParameters, wire) : rtpParameters;
  return { id, producerId, kind, rtpParameters: seen, layers: scalesOf(consumer) } as ConsumerParameters;
}
