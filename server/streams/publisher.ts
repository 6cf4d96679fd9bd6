import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { types } from 'mediasoup';
import { tellsKeyFrames, withKnownLayers } from '../../workers/media/codecs.ts';
import { Fanout } from '../../workers/media/fanout.ts';
import type { MediaWorker } from '../../workers/media/pool.ts';
import {
  connectTransport,
  createRtpTransport,
  createTransport,
  type RtpPort,
  restartIce,
  rtpPort,
  transportParameters,
  watchTransport,
} from '../../workers/media/transports.ts';
import type { Grant } from '../auth/grant.ts';
import { PharosError } from '../base/errors.ts';
import type { EndReason } from '../protocol/codes.ts';
import type {
  DtlsParameters,
  EventOf,
  MediaKind,
  Notice,
  RtpParameters,
  Sending,
  Source,
  TransportParameters,
} from '../protocol/messages.ts';
import { BitrateGuard } from './bitrate-guard.ts';
import { askedBitrate, expectedBitrate, expectedUpload, mostBitrate, overLimit } from './bitrates.ts';
import type { GrantLimits, StreamContext, Who } from './context.ts';
import { watchEncoder } from './encoder-trace.ts';
import type { PublishOptions } from './publish-options.ts';
import { REPORT_GAP_MS, type Reported } from './reported.ts';
import { Silence } from './silence.ts';
import { SourceWatch } from './source-watch.ts';

export type PublisherEvents = {
  /** Its media path is established. Not where it sends plain RTP. */
  connected: [];
  /** All declared tracks have come. */
  live: [];
  /** It is over, whoever ended it. */
  ended: [EndReason];
  viewers: [EventOf<'viewers'>];
  /** How its viewers fare. */
  audience: [EventOf<'audience'>];
  /** Something about its media disturbs viewers; each thing is told once. */
  notice: [Notice];
};

/** What a publisher tells the stream it belongs to. */
export type PublisherParent = {
  readonly id: string;
  publisherOnLive(publisher: Publisher): void;
  publisherOnTitle(title: string): void;
  publisherOnSource(source: Source): void;
  publisherOnNotice(notice: Notice): void;
  /** Nothing has come from it for some seconds, or something comes again. */
  publisherOnSilence(silent: boolean): void;
  publisherOnClose(reason: EndReason): void;
};

type PublisherOptions = PublishOptions & {
  parent: PublisherParent;
  context: StreamContext;
  /** Where its viewers are already, so that it is the best place however busy. */
  home?: MediaWorker | undefined;
};

/** A session that has not come up within this time does not keep its owner from trying again. */
const COMING_UP_MS = 5000;
/** The one who sends a stream: transports on the home worker and their producers. */
export class Publisher extends EventEmitter<PublisherEvents> {
  /** For administrators; no secret. */
  readonly id = randomUUID();
  readonly home: MediaWorker;
  readonly grant: string;
  readonly secret: string | undefined;
  readonly limits: GrantLimits;
  readonly who: Who | undefined;
  /** In ms since 1970. */
  readonly since = Date.now();
  readonly kind: 'webrtc' | 'rtp';
  /** What it last said of its sending. */
  sending: Reported<Sending> | undefined;
  #title: string;
  readonly #source = new SourceWatch();
  readonly #createdAt = performance.now();
  readonly #parent: PublisherParent;
  readonly #context: StreamContext;
  /** That of a WebRTC client. */
  readonly #transport: types.WebRtcTransport | undefined;
  readonly #rtpTransports: types.PlainTransport[] = [];
  readonly #producers = new Map<MediaKind, types.Producer>();
  readonly #tracks: readonly MediaKind[];
  readonly #notices: Notice[] = [];
  readonly #unload: () => void;
  readonly #guard: BitrateGuard;
  #fanout: Fanout | undefined;
  readonly #onGrantEnd: Grant['onEnd'] | undefined;
  #dropGrant: (() => void) | undefined;
  #connected = false;
  readonly #silence = new Silence();
  #closed = false;

  private constructor(
    options: PublisherOptions,
    { home, unload }: { home: MediaWorker; unload: () => void },
    transport: types.WebRtcTransport | undefined,
  ) {
    super();
    this.home = home;
    this.grant = options.grant;
    this.secret = options.secret;
    this.limits = options.limits ?? {};
    this.#onGrantEnd = options.onGrantEnd;
    this.who = options.who;
    this.kind = options.kind ?? 'webrtc';
    this.#title = options.title ?? '';
    this.#parent = options.parent;
    this.#context = options.context;
    this.#transport = transport;
    this.#tracks = options.tracks;
    this.#unload = unload;
    this.#guard = new BitrateGuard(mostBitrate(options.context.config, options.limits));
  }

  /** @throws PharosError `unavailable` while no media worker is alive, `server_full` while all are too busy. */
  static async create(options: PublisherOptions): Promise<Publisher> {
    const { consent = true, context } = options;
    const { config, pool } = context;
    const home = options.home ?? pool.pick();
    if (!home) throw new PharosError('unavailable', 'no media worker is running; try again in a few seconds');
    if (!options.home && home.load.value >= config.limits.maxLoad) {
      throw new PharosError('server_full', 'the server is as busy as it may be; try again in a while');
    }
    // At once, so that others who begin now see it.
    const place = { home, unload: home.load.expect(expectedUpload(options.tracks, config.media)) };
    if (options.kind === 'rtp') return new Publisher(options, place, undefined);
    try {
      const transport = await createTransport(home, config.media, consent);
      const publisher = new Publisher(options, place, transport);
      publisher.#watch(transport, consent);
      await transport.setMaxIncomingBitrate(askedBitrate(config, options.limits));
      return publisher;
    } catch (error) {
      place.unload();
      throw error;
    }
  }

  get streamId(): string {
    return this.#parent.id;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** What the stream is called; '' has no title. */
  get title(): string {
    return this.#title;
  }

  setTitle(title: string): void {
    if (this.#closed || title === this.#title) return;
    this.#title = title;
    this.#parent.publisherOnTitle(title);
  }

  /** What limits its sending, as far as that lasts. */
  get source(): Source {
    return this.#source.value;
  }

  /** Takes its own statistics; more than one a second are not listened to. */
  report({ limitation, bitrate, width, height, frameRate, roundTrip, lost, path }: Sending): void {
    const at = Date.now();
    if (this.sending && at - this.sending.at < REPORT_GAP_MS) return;
    this.sending = { ...{ limitation, bitrate, width, height, frameRate, roundTrip, lost, path }, at };
    if (this.#source.report({ limitation }, performance.now())) this.#tellSource();
  }

  get live(): boolean {
    return !this.#closed && this.#tracks.every((kind) => this.#producers.has(kind));
  }

  get producers(): types.Producer[] {
    return [...this.#producers.values()];
  }

  /** Nothing comes from it for the moment. */
  get silent(): boolean {
    return this.#silence.silent;
  }

  /** That of a WebRTC client; closed with the publisher. */
  get transport(): types.WebRtcTransport | undefined {
    return this.#transport;
  }

  /** What was found to disturb viewers so far. */
  get notices(): readonly Notice[] {
    return this.#notices;
  }

  /** Where its viewers are. @throws Error before it is live. */
  get fanout(): Fanout {
    if (!this.#fanout) throw new Error('not live');
    return this.#fanout;
  }

  get transportParameters(): TransportParameters {
    return transportParameters(this.#webRtc());
  }

  /** From now on it ends with its grant. */
  holdGrant(): void {
    this.#dropGrant = this.#onGrantEnd?.(() => this.close('not_allowed'));
  }

  /** @throws PharosError `wrong_order` if connected already, `media_failed` on unusable parameters. */
  async connect(dtlsParameters: DtlsParameters): Promise<void> {
    if (this.#connected) throw new PharosError('wrong_order', 'this transport is connected already');
    await connectTransport(this.#webRtc(), dtlsParameters);
    this.#connected = true;
  }

  /** New ICE credentials for the same media path (RFC 8445, section 2.4). */
  async restartIce(): Promise<TransportParameters> {
    return restartIce(this.#webRtc());
  }

  /**
   * @throws PharosError `wrong_order` before `connect` or for a track that was not declared or has come,
   *   `unsupported_codec` or `media_failed` if the parameters do not fit the router.
   */
  async produce(kind: MediaKind, rtpParameters: RtpParameters): Promise<string> {
    if (!this.#connected) throw new PharosError('wrong_order', 'send connect before produce');
    return (await this.#add(kind, this.#webRtc(), rtpParameters)).id;
  }

  /**
   * Opens ports on loopback that take this track as plain RTP and RTCP, from whoever sends there first.
   * @throws PharosError as `produce`.
   */
  async receiveRtp(kind: MediaKind, rtpParameters: RtpParameters): Promise<RtpPort> {
    const transport = await createRtpTransport(this.home);
    if (this.#closed) {
      transport.close();
      throw ended();
    }
    this.#rtpTransports.push(transport);
    transport.once('routerclose', () => this.close('worker_failed'));
    await this.#add(kind, transport, rtpParameters);
    return rtpPort(transport);
  }

  /**
   * Whether it is still there: media comes, or it is only just coming up.
   * Resolves as soon as a packet comes, or after `ms` without one.
   */
  async isAlive(ms: number): Promise<boolean> {
    const before = await this.#packets();
    if (before === 0 && performance.now() - this.#createdAt < COMING_UP_MS) return !this.#closed;
    const deadline = performance.now() + ms;
    while (!this.#closed && performance.now() < deadline) {
      await delay(PACKET_POLL_MS);
      if ((await this.#packets()) > before) return true;
    }
    return false;
  }

  /**
   * Its client's media path was found to bring so much, in bit/s. Viewers are told of silence; whoever sends
   * more than it may is told too, and ended if it goes on.
   * @param now In ms, of the clock of `performance.now`.
   */
  received(bitrate: number, now: number): void {
    const silent = this.#silence.listen(bitrate, now);
    if (silent !== undefined && this.live) this.#parent.publisherOnSilence(silent);
    void this.#count(now);
    const verdict = this.#guard.look(bitrate, now);
    if (verdict === 'tell') this.note(overLimit(bitrate, mostBitrate(this.#context.config, this.limits)));
    if (verdict === 'end') this.close('over_limit');
  }

  /** Whether this is its client's transport. */
  isOn(transportId: string): boolean {
    return this.#transport?.id === transportId;
  }

  /** Tells whoever publishes, and the log, of something that is wrong. */
  note(notice: Notice): void {
    if (this.#closed) return;
    this.#notices.push(notice);
    this.#parent.publisherOnNotice(notice);
    this.emit('notice', notice);
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
    this.#dropGrant?.();
    this.#unload();
    this.#fanout?.close();
    this.#transport?.close();
    for (const transport of this.#rtpTransports) transport.close();
  }

  #watch(transport: types.WebRtcTransport, consent: boolean): void {
    const { limits, media } = this.#context.config;
    watchTransport(transport, {
      setupMs: limits.mediaSetupTime * 1000,
      silenceMs: consent ? undefined : media.iceConsentTimeout * 1000,
      onConnected: () => this.emit('connected'),
      onEnd: (reason) => this.close(reason),
    });
  }

  #webRtc(): types.WebRtcTransport {
    if (!this.#transport) throw new Error('this publisher sends plain RTP');
    return this.#transport;
  }

  async #add(
    kind: MediaKind,
    transport: types.Transport,
    rtpParameters: RtpParameters,
  ): Promise<types.Producer> {
    if (!this.#tracks.includes(kind) || this.#producers.has(kind)) {
      throw new PharosError('wrong_order', `no further ${kind} track was announced in publish`);
    }
    const producer = await transport
      .produce({
        kind,
        rtpParameters: withKnownLayers(rtpParameters),
        keyFrameRequestDelay: this.#context.config.media.keyFrameRequestDelay,
      })
      .catch((error: Error) => {
        throw refusedProduce(error);
      });
    if (this.#closed) throw ended();
    this.#producers.set(kind, producer);
    if (kind === 'video' && tellsKeyFrames(rtpParameters)) this.#watchEncoder(producer, rtpParameters);
    if (this.live) {
      this.#fanout = this.#createFanout();
      this.#parent.publisherOnLive(this);
      this.emit('live');
    }
    return producer;
  }

  #createFanout(): Fanout {
    const { config, pool, logger } = this.#context;
    return new Fanout({
      home: this.home,
      workers: () => pool.workers,
      producers: this.producers,
      maxLoad: config.limits.maxLoad,
      keyFrameRequestDelay: config.media.keyFrameRequestDelay,
      bitrate: expectedBitrate(this.#tracks, config.media),
      logger: logger.child({ streamId: this.streamId }),
    });
  }

  #watchEncoder(producer: types.Producer, { codecs }: RtpParameters): void {
    watchEncoder({
      producer,
      router: this.home.router,
      parameterSetsInSdp: codecs.some(({ parameters }) => parameters?.['sprop-parameter-sets'] !== undefined),
      onFinding: (notice) => this.note(notice),
    });
  }

  async #packets(): Promise<number> {
    return (await this.#counts()).packets;
  }

  async #counts(): Promise<{ packets: number; lost: number }> {
    const stats = (await Promise.all(this.producers.map((producer) => producer.getStats()))).flat();
    const sum = (name: 'packetCount' | 'packetsLost') => stats.reduce((total, stat) => total + stat[name], 0);
    return { packets: sum('packetCount'), lost: sum('packetsLost') };
  }

  async #count(now: number): Promise<void> {
    const counts = await this.#counts().catch(() => undefined);
    if (counts && this.#source.count(counts, now)) this.#tellSource();
  }

  #tellSource(): void {
    if (this.live) this.#parent.publisherOnSource(this.source);
  }
}

const PACKET_POLL_MS = 50;

function ended(): PharosError {
  return new PharosError('wrong_order', 'the stream has ended');
}

function refusedProduce(error: Error): PharosError {
  const unsupported = error.name === 'UnsupportedError';
  return new PharosError(
    unsupported ? 'unsupported_codec' : 'media_failed',
    `the RTP parameters were refused: ${error.message}`,
    { cause: error },
  );
}
