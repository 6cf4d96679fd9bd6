import { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';
import type { MediaWorker } from '../../workers/media/pool.ts';
import {
  connectTransport,
  createTransport,
  transportParameters,
  watchTransport,
} from '../../workers/media/transports.ts';
import { PharosError } from '../base/errors.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { DtlsParameters, MediaKind, RtpParameters, TransportParameters } from '../protocol/messages.ts';
import type { StreamContext } from './context.ts';

export type PublisherEvents = {
  /** All declared tracks have come. */
  live: [];
  /** It is over, whoever ended it. */
  ended: [EndReason];
  viewers: [count: number];
};

/** What a publisher tells the stream it belongs to. */
export type PublisherParent = {
  readonly id: string;
  publisherOnLive(): void;
  publisherOnClose(reason: EndReason): void;
};

type PublisherOptions = {
  parent: PublisherParent;
  context: StreamContext;
  tracks: readonly MediaKind[];
};

/** The one who sends a stream: a transport on the home worker and its producers. */
export class Publisher extends EventEmitter<PublisherEvents> {
  readonly home: MediaWorker;
  readonly #parent: PublisherParent;
  readonly #context: StreamContext;
  readonly #transport: types.WebRtcTransport;
  readonly #producers = new Map<MediaKind, types.Producer>();
  readonly #tracks: readonly MediaKind[];
  #connected = false;
  #closed = false;

  private constructor(options: PublisherOptions, home: MediaWorker, transport: types.WebRtcTransport) {
    super();
    this.home = home;
    this.#parent = options.parent;
    this.#context = options.context;
    this.#transport = transport;
    this.#tracks = options.tracks;
  }

  /** @throws PharosError `unavailable` while no media worker is alive. */
  static async create(options: PublisherOptions): Promise<Publisher> {
    const { config, pool } = options.context;
    const home = pool.pick();
    if (!home) throw new PharosError('unavailable', 'no media worker is running; try again in a few seconds');
    const transport = await createTransport(home, config.media);
    const publisher = new Publisher(options, home, transport);
    watchTransport(transport, config.limits.mediaSetupTime * 1000, (reason) => publisher.close(reason));
    return publisher;
  }

  get streamId(): string {
    return this.#parent.id;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get live(): boolean {
    return !this.#closed && this.#tracks.every((kind) => this.#producers.has(kind));
  }

  get producers(): types.Producer[] {
    return [...this.#producers.values()];
  }

  get transportParameters(): TransportParameters {
    return transportParameters(this.#transport);
  }

  /** @throws PharosError `wrong_order` if connected already, `media_failed` on unusable parameters. */
  async connect(dtlsParameters: DtlsParameters): Promise<void> {
    if (this.#connected) throw new PharosError('wrong_order', 'this transport is connected already');
    await connectTransport(this.#transport, dtlsParameters);
    this.#connected = true;
  }

  /**
   * @throws PharosError `wrong_order` before `connect` or for a track that was not declared or has come,
   *   `unsupported_codec` or `media_failed` if the parameters do not fit the router.
   */
  async produce(kind: MediaKind, rtpParameters: RtpParameters): Promise<string> {
    if (!this.#connected) throw new PharosError('wrong_order', 'send connect before produce');
    if (!this.#tracks.includes(kind) || this.#producers.has(kind)) {
      throw new PharosError('wrong_order', `no further ${kind} track was announced in publish`);
    }
    const producer = await this.#transport
      .produce({ kind, rtpParameters, keyFrameRequestDelay: this.#context.config.media.keyFrameRequestDelay })
      .catch((error: Error) => {
        throw refusedProduce(error);
      });
    if (this.#closed) throw new PharosError('wrong_order', 'the stream has ended');
    this.#producers.set(kind, producer);
    if (this.live) {
      this.#parent.publisherOnLive();
      this.emit('live');
    }
    return producer.id;
  }

  close(reason: EndReason): void {
    if (this.#closed) return;
    this.#release();
    this.#parent.publisherOnClose(reason);
    this.emit('ended', reason);
  }

  parentClosed(reason: EndReason): void {
    if (this.#closed) return;
    this.#release();
    this.emit('ended', reason);
  }

  #release(): void {
    this.#closed = true;
    this.#transport.close();
  }
}

function refusedProduce(error: Error): PharosError {
  const unsupported = error.name === 'UnsupportedError';
  return new PharosError(
    unsupported ? 'unsupported_codec' : 'media_failed',
    `the RTP parameters were refused: ${error.message}`,
    { cause: error },
  );
}
