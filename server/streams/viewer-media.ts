import type { types } from 'mediasoup';
import type { Place } from '../../workers/media/fanout.ts';
import {
  connectTransport,
  createTransport,
  restartIce,
  type TransportEnd,
  transportParameters,
  watchTransport,
} from '../../workers/media/transports.ts';
import { PharosError } from '../base/errors.ts';
import type { DtlsParameters, Media, Tracks, TransportParameters } from '../protocol/messages.ts';
import { consume, type Receiver } from './consume.ts';
import type { StreamContext } from './context.ts';
import { Layers } from './layers.ts';
import type { Publisher } from './publisher.ts';

/** How a viewer gets its media. */
export type Attached = {
  readonly worker: Place['worker'];
  readonly transport: types.WebRtcTransport;
  readonly consumers: readonly types.Consumer[];
};

type Options = {
  context: StreamContext;
  receiver: Receiver;
  /** A transport's media path is established. */
  onConnected(): void;
  /** The transport is of no use any more. */
  onEnd(reason: TransportEnd): void;
  /** The spatial layer of a simulcast that is got now; null while none is. */
  onLayer(layer: number | null): void;
};

/** A viewer's media: a transport on the worker where there was room, and a consumer for each track on it. */
export class ViewerMedia {
  readonly layers: Layers;
  readonly #options: Options;
  #transport: types.WebRtcTransport | undefined;
  /** Where the transport is. */
  #place: Place | undefined;
  #consumers: readonly types.Consumer[] = [];
  #connected = false;
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
    this.layers = new Layers(options.onLayer);
  }

  /** The transport, where that is and what is on it; undefined while there is none. */
  get attached(): Attached | undefined {
    const [transport, worker] = [this.#transport, this.#place?.worker];
    return transport && worker && { worker, transport, consumers: this.#consumers };
  }

  /**
   * Sets up the transport and all consumers on it.
   * @throws PharosError `unsupported_codec` if none of the stream's tracks can be played, `full` if the
   *   server is, `stream_not_found` if the publisher or this viewer went meanwhile.
   */
  async attach(publisher: Publisher): Promise<Media> {
    const { context, receiver } = this.#options;
    let place: Place | undefined;
    let transport: types.WebRtcTransport | undefined;
    try {
      place = await publisher.fanout.place();
      // Players by WHEP, those with numbers of their own, may not check it.
      const consent = !receiver.wire;
      transport = await createTransport(place.worker, context.config.media, consent);
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

  /** Another publisher's tracks on that transport, instead of those before. @throws whatever made that fail. */
  async renew({ worker, transport }: Attached, publisher: Publisher): Promise<Tracks> {
    const place = await publisher.fanout.place(worker);
    try {
      const tracks = await this.#consume(place, transport);
      if (this.#closed || transport.closed || publisher.closed) throw new Error('ended meanwhile');
      transport.observer.once('close', place.leave);
      this.#place = place;
      return { ...tracks, ...about(publisher) };
    } catch (error) {
      place.leave();
      throw error;
    }
  }

  /** @throws PharosError `wrong_order` without a transport or if connected, `media_failed` on unusable parameters. */
  async connect(dtlsParameters: DtlsParameters): Promise<void> {
    const transport = this.#transport;
    if (!transport)
      throw new PharosError('wrong_order', 'there is no transport to connect: the stream is not live');
    if (this.#connected) throw new PharosError('wrong_order', 'this transport is connected already');
    await connectTransport(transport, dtlsParameters);
    // The stream may have ended and started again meanwhile, on another transport.
    if (transport === this.#transport) this.#connected = true;
  }

  /** New ICE credentials for the same media path (RFC 8445, section 2.4). @throws PharosError `wrong_order`. */
  async restartIce(): Promise<TransportParameters> {
    if (!this.#transport) throw new PharosError('wrong_order', 'the stream has ended');
    return restartIce(this.#transport);
  }

  /** No publisher is there for the moment: the transport stays for the next, if its worker lives. */
  idle(): void {
    this.#place?.leave();
    if (this.#place?.worker.process.closed) this.drop();
  }

  /** Ends the transport; there may be another. */
  drop(): void {
    this.#transport?.close();
    this.#transport = undefined;
  }

  close(): void {
    this.#closed = true;
    this.drop();
  }

  #watch(transport: types.WebRtcTransport, consent: boolean): void {
    const { context, onConnected, onEnd } = this.#options;
    const { limits, media } = context.config;
    watchTransport(transport, {
      setupMs: limits.mediaSetupTime * 1000,
      silenceMs: consent ? undefined : media.iceConsentTimeout * 1000,
      onConnected,
      onEnd: (reason) => {
        if (transport === this.#transport) onEnd(reason);
      },
    });
  }

  async #consume(
    place: Place,
    transport: types.WebRtcTransport,
  ): Promise<Pick<Tracks, 'consumers' | 'unplayable'>> {
    const { consumers, tracks } = await consume(place, transport, this.#options.receiver, this.layers.wish);
    this.#consumers = consumers;
    await this.layers.use(transport, consumers);
    return tracks;
  }
}

/** What a viewer is told with a publisher's tracks. */
function about({ title, source }: Publisher): Pick<Tracks, 'title' | 'source'> {
  const limited = source.weak || source.limitation !== 'none';
  return { ...(title && { title }), ...(limited && { source }) };
}
