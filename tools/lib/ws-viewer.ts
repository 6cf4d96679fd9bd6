/** Watches by our WebSocket protocol, as the pages do: waits where the stream is not live, and takes its media when it is. */
import { Audio, RtcpReceivingSession, Video } from 'node-datachannel';
import type {
  ConsumerParameters,
  DtlsParameters,
  Event,
  Media,
  RtpCapabilities,
} from '../../server/protocol/messages.ts';
import { Connection } from './connection.ts';
import { fingerprintOf, midOf, offerOf } from './media-offer.ts';
import { isRtp, type MediaKind } from './rtp.ts';
import { SignalSocket } from './signal-socket.ts';

export type WsViewerOptions = {
  /** Of `/ws`: ws://HOST/ws. */
  url: URL;
  stream: string;
  /** By what it may be watched, where it is private. */
  key?: string | undefined;
  onPacket?: (kind: MediaKind, packet: Buffer) => void;
  /** The stream is live: at once, or after waiting. Media comes later, see connected(). */
  onLive?: (viewer: WsViewer) => void;
  /** The stream has ended, or this connection's part in it; the server's reason. It may be waiting again. Not after close(). */
  onEnded?: (reason: string) => void;
  /** Default true. Without, it notes that the stream is live and takes no media. */
  acceptMedia?: boolean;
};

export class WsViewer {
  /** When it happened first, by performance.now(): the socket open, `watch` sent and answered, live, ICE and DTLS through. */
  openedAt: number | undefined;
  askedAt: number | undefined;
  answeredAt: number | undefined;
  liveAt: number | undefined;
  connectedAt: number | undefined;
  readonly #options: WsViewerOptions;
  readonly #connected = Promise.withResolvers<void>();
  #socket: SignalSocket | undefined;
  #connection: Connection | undefined;
  /** Its end is told. */
  #over = false;
  #closed = false;

  constructor(options: WsViewerOptions) {
    this.#options = options;
    // Whoever does not wait for media hears of the loss by onEnded.
    this.#connected.promise.catch(() => {});
  }

  /** Resolves when `watch` is answered and, if the stream is live, media is on its way. @throws {SignalRefusal} */
  async open(): Promise<'live' | 'waiting'> {
    const { url, stream, key } = this.#options;
    try {
      this.#socket = new SignalSocket(url, {
        onEvent: (event) => this.#socketOnEvent(event),
        onClosed: (reason) => this.#socketOnClosed(reason),
      });
      const welcome = await this.#socket.welcome();
      this.openedAt = this.#socket.openedAt;
      this.askedAt = performance.now();
      const rtpCapabilities = receivable(welcome.rtpCapabilities);
      const answer = await this.#socket.request('watch', { stream, key, rtpCapabilities });
      this.answeredAt = performance.now();
      if (answer.state === 'waiting') return 'waiting';
      await this.#live(answer.media);
      return 'live';
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Resolves when ICE and DTLS are through for the first time, however long the stream is waited for. */
  connected(): Promise<void> {
    return this.#connected.promise;
  }

  /** Leaves. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connected.reject(new Error('closed'));
    // The server first: it is not to see a connection that went silent.
    await this.#socket?.close();
    this.#connection?.close();
  }

  #socketOnEvent(event: Event): void {
    if (this.#closed) return;
    // Whoever waits for media hears by connected() that it failed.
    if (event.type === 'live' && event.media) this.#live(event.media).catch(() => {});
    else if (event.type === 'ended') {
      this.#connection?.close();
      this.#connection = undefined;
      this.#over = !event.waiting;
      this.#options.onEnded?.(event.reason);
    }
  }

  #socketOnClosed(reason: Error): void {
    this.#connected.reject(reason);
    if (!this.#closed && !this.#over && this.answeredAt !== undefined)
      this.#options.onEnded?.(reason.message);
  }

  /** Resolves when media is on its way. */
  async #live(media: Media): Promise<void> {
    this.liveAt ??= performance.now();
    this.#options.onLive?.(this);
    if (this.#options.acceptMedia === false || this.#closed) return;
    // Should media be lost later, the server says why: `ended`.
    const connection = new Connection('viewer');
    this.#connection = connection;
    try {
      await this.#receive(media, connection);
      this.connectedAt ??= performance.now();
      this.#connected.resolve();
    } catch (error) {
      // One whose stream ended meanwhile may get it again.
      if (this.#connection === connection) this.#connected.reject(error);
      throw error;
    }
  }

  async #receive({ transport, consumers }: Media, connection: Connection): Promise<void> {
    const { onPacket } = this.#options;
    for (const consumer of consumers) {
      const { kind } = consumer;
      const track = connection.addTrack(describe(consumer));
      // Reports what arrives, as a player does; without it packets would come raw, RTCP among them.
      track.setMediaHandler(new RtcpReceivingSession());
      if (onPacket) track.onMessage((packet) => isRtp(packet) && onPacket(kind, packet));
    }
    const answer = connection.answerTo(offerOf(transport, consumers));
    const dtlsParameters: DtlsParameters = { role: 'client', fingerprints: [fingerprintOf(answer)] };
    // Media does not wait for the answer to `connect`, which would only say that it failed.
    await Promise.all([this.#socket?.request('connect', { dtlsParameters }), connection.connected()]);
  }
}

/** What of the router's this viewer takes: no RTX, no congestion control and no header extensions, which libdatachannel has not. */
function receivable({ codecs }: RtpCapabilities): RtpCapabilities {
  const FEEDBACK = ['nack', 'ccm'];
  return {
    codecs: codecs
      .filter(({ mimeType }) => /^(audio\/opus|video\/(VP8|H264))$/i.test(mimeType))
      .map((codec) => ({
        ...codec,
        rtcpFeedback: codec.rtcpFeedback?.filter(({ type }) => FEEDBACK.includes(type)) ?? [],
      })),
    headerExtensions: [],
  };
}

/** The m-line of our answer; which parameters it names is all the same to libdatachannel and is told to nobody. */
function describe(consumer: ConsumerParameters): Audio | Video {
  const mid = midOf(consumer);
  const [codec] = consumer.rtpParameters.codecs;
  if (!codec) throw new Error(`the server sends ${consumer.kind} without a codec`);
  if (consumer.kind === 'audio') {
    const media = new Audio(mid, 'RecvOnly');
    media.addOpusCodec(codec.payloadType);
    return media;
  }
  const media = new Video(mid, 'RecvOnly');
  if (/VP8/i.test(codec.mimeType)) media.addVP8Codec(codec.payloadType);
  else media.addH264Codec(codec.payloadType);
  return media;
}
