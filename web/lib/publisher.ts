import type { types } from 'mediasoup-client';
import type { EndReason } from '../../server/protocol/codes.ts';
import type { AnswerOf, Event, MediaKind, Notice } from '../../server/protocol/messages.ts';
import { type Attempt, persist } from './attempt.ts';
import { chooseCodec } from './codecs.ts';
import { deferred } from './deferred.ts';
import { Emitter } from './emitter.ts';
import { PharosClientError, StreamEnded, toClientError } from './errors.ts';
import { type Link, Prepared } from './link.ts';
import { MediaPath } from './media-path.ts';
import { Observed } from './observed.ts';
import { Reconnect } from './reconnect.ts';
import { endOf, worthRetrying } from './retry.ts';
import {
  audioProducerOptions,
  replaceProducerTrack,
  type VideoSettings,
  videoProducerOptions,
} from './sending.ts';
import { aliveTracks, kindsOf, type Tracks } from './tracks.ts';
import { localTransport, wireRtpParameters } from './wire.ts';

export type Published = {
  stream: string;
  /** Where others reach it, if this page has an address that only this computer knows. */
  watchUrl: string | undefined;
};

export type PublisherState =
  | { name: 'idle' }
  | { name: 'connecting' }
  | { name: 'live'; published: Published }
  | { name: 'reconnecting'; published: Published; attempt: number; error: PharosClientError }
  | { name: 'ended'; reason: EndReason }
  | { name: 'failed'; error: PharosClientError };

export type PublisherEvents = {
  state: PublisherState;
  viewers: number;
  /** True while we should send media and none gets through. */
  trouble: boolean;
  /** What the server finds in our media that disturbs viewers. */
  notices: readonly Notice[];
};

export type PublisherOptions = {
  /** Where the server's `/ws` is. */
  url: string;
  /** The publish key, where the server asks for one. */
  key?: string | undefined;
  iceTransportPolicy?: RTCIceTransportPolicy | undefined;
};

export type PublishOptions = {
  /** The stream id; left out, the server makes one. */
  stream?: string | undefined;
  videoTrack?: MediaStreamTrack | undefined;
  audioTrack?: MediaStreamTrack | undefined;
  video: VideoSettings;
};

const NONE: readonly Notice[] = [];

/** How long a stream of ours may seem to be in use: the server has to notice first that our old connection died. */
const OWN_GHOST = 30_000;

/** Sends camera and microphone as a stream until `stop()`, and begins anew by itself after a loss. Tracks stay the caller's. */
export class Publisher extends Emitter<PublisherEvents> {
  /** Sent with the next `publish()`. */
  key: string | undefined;
  readonly #options: Omit<PublisherOptions, 'key'>;
  readonly #reconnect = new Reconnect();
  readonly #state = new Observed<PublisherState>({ name: 'idle' }, (state) => this.emit('state', state));
  readonly #viewers = new Observed(0, (count) => this.emit('viewers', count));
  readonly #trouble = new Observed(false, (trouble) => this.emit('trouble', trouble));
  readonly #notices = new Observed(NONE, (notices) => this.emit('notices', notices));
  #run: AbortController | undefined;
  readonly #connection: Prepared;
  #publishing: PublishOptions | undefined;
  #signaling: Link['signaling'] | undefined;
  #path: MediaPath | undefined;
  #producers = new Map<MediaKind, types.Producer>();

  constructor({ key, ...options }: PublisherOptions) {
    super();
    this.key = key;
    this.#options = options;
    this.#connection = new Prepared(options.url, 'send');
  }

  get state(): PublisherState {
    return this.#state.value;
  }

  get viewers(): number {
    return this.#viewers.value;
  }

  get notices(): readonly Notice[] {
    return this.#notices.value;
  }

  get trouble(): boolean {
    return this.#trouble.value;
  }

  /** Opens the connection ahead of `publish()`; tells whether publishing from here takes a key. */
  async prepare(): Promise<{ keyNeeded: boolean }> {
    const { welcome } = await this.#connection.open().link;
    return { keyNeeded: welcome.keyNeeded };
  }

  /** Resolves when the stream is live; rejects if it cannot be. Later losses are mended and told by the state. */
  publish(options: PublishOptions): Promise<Published> {
    this.stop();
    const run = new AbortController();
    this.#run = run;
    const publishing = { ...options };
    this.#publishing = publishing;
    this.#reconnect.reset();
    this.#state.value = { name: 'connecting' };
    return new Promise((resolve, reject) => {
      void this.#publishUntilOver(publishing, run.signal, resolve).then(reject);
    });
  }

  /** Another camera or microphone, without interrupting; `null` sends nothing of this kind. */
  async replaceTrack(kind: MediaKind, track: MediaStreamTrack | null): Promise<void> {
    const name = kind === 'video' ? 'videoTrack' : 'audioTrack';
    if (!this.#publishing) return;
    this.#publishing[name] = track ?? undefined;
    const producer = this.#producers.get(kind);
    if (producer) await replaceProducerTrack(producer, track, this.#publishing.video);
  }

  stop(): void {
    if (!this.#run) return;
    // Without this the server would tell the viewers that we were lost, not that we stopped.
    this.#signaling?.request('stop', {}).catch(() => {});
    this.#run.abort();
    this.#run = undefined;
    this.#drop();
    this.#state.value = { name: 'ended', reason: 'stopped' };
  }

  /** The peer connection's statistics; undefined while there is none. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#path?.getStats();
  }

  async #publishUntilOver(
    options: PublishOptions,
    signal: AbortSignal,
    live: (published: Published) => void,
  ): Promise<PharosClientError> {
    let lostAt: number | undefined;
    let published: Published | undefined;
    const reason = await persist({
      signal,
      reconnect: this.#reconnect,
      start: async (attempt) => {
        published = await this.#publish(attempt, options);
        lostAt = undefined;
        this.#state.value = { name: 'live', published };
        live(published);
      },
      again: (error) => {
        lostAt ??= performance.now();
        return this.#again(error, published, performance.now() - lostAt);
      },
      stopped: () => new PharosClientError('stopped', 'Stopped.'),
    });
    // If it was stopped, the state is in other hands by now.
    if (signal.aborted) return reason;
    this.#run = undefined;
    this.#drop();
    if (reason instanceof StreamEnded) this.#state.value = { name: 'ended', reason: reason.reason };
    else this.#state.value = { name: 'failed', error: reason };
    return reason;
  }

  /** The first try says at once what is wrong; who was live wants to be live again. */
  #again(error: PharosClientError, published: Published | undefined, lostFor: number): boolean {
    const { attempt } = this.#reconnect;
    const ghost = error.code === 'stream_in_use' && lostFor < OWN_GHOST;
    if (!published || !(ghost || worthRetrying(error, attempt, true))) return false;
    this.#state.value = { name: 'reconnecting', published, attempt: attempt + 1, error };
    return true;
  }

  /** Resolves when the stream is live. */
  async #publish(attempt: Attempt, options: PublishOptions): Promise<Published> {
    this.#drop();
    const connecting = this.#connection.take();
    const { signaling } = connecting;
    this.#signaling = signaling;
    attempt.onEnd(() => signaling.close());
    signaling.on('close', (error) => attempt.end(error));
    const link = connecting.ready ?? (await attempt.during(connecting.link));
    const live = deferred<void>();
    signaling.on('event', (event) => this.#signalingOnEvent(event, attempt, live.resolve));
    const tracks = aliveTracks(options);
    const codec = tracks.video && chooseCodec(link.device.sendRtpCapabilities, options.video.codec);
    const answer = await attempt.during(
      signaling.request('publish', {
        stream: options.stream,
        key: this.key,
        tracks: kindsOf(tracks),
      }),
    );
    // From now on it is this stream that we publish, also after a loss.
    options.stream = answer.stream;
    const transport = this.#createTransport(attempt, link, answer);
    await attempt.during(this.#produce(transport, tracks, options, codec, answer));
    await attempt.during(live.promise);
    return { stream: answer.stream, watchUrl: answer.watchUrl };
  }

  #createTransport(attempt: Attempt, link: Link, answer: AnswerOf<'publish'>): types.Transport {
    const { signaling } = link;
    const transport = link.device.createSendTransport({
      ...localTransport(answer.transport),
      iceServers: link.welcome.iceServers,
      iceTransportPolicy: this.#options.iceTransportPolicy,
    });
    transport.on('produce', ({ kind, rtpParameters }, resolve, reject) => {
      signaling.request('produce', { kind, rtpParameters: wireRtpParameters(rtpParameters) }).then(
        ({ producerId }) => resolve({ id: producerId }),
        (error: unknown) => reject(toClientError(error)),
      );
    });
    const path = new MediaPath({
      transport,
      signaling,
      onTrouble: (trouble) => {
        if (this.#path === path) this.#trouble.value = trouble;
      },
      onConnected: () => this.#reconnect.reset(),
      onLost: (reason) => attempt.end(reason),
    });
    this.#path = path;
    return transport;
  }

  async #produce(
    transport: types.Transport,
    tracks: Tracks,
    options: PublishOptions,
    codec: types.RtpCodecCapability | undefined,
    answer: AnswerOf<'publish'>,
  ): Promise<void> {
    if (tracks.video && codec) {
      const producer = await transport.produce(
        videoProducerOptions(tracks.video, codec, options.video, answer),
      );
      this.#producers.set('video', producer);
      // The camera may have been changed in between.
      await replaceProducerTrack(producer, options.videoTrack ?? null, options.video);
    }
    if (tracks.audio) {
      const producer = await transport.produce(audioProducerOptions(tracks.audio, answer));
      this.#producers.set('audio', producer);
      await replaceProducerTrack(producer, options.audioTrack ?? null, options.video);
    }
  }

  #signalingOnEvent(event: Event, attempt: Attempt, live: () => void): void {
    if (attempt.ended) return;
    if (event.type === 'live') {
      this.#viewers.value = event.viewers;
      live();
    }
    if (event.type === 'viewers') this.#viewers.value = event.count;
    if (event.type === 'notice' && event.notice) {
      this.#notices.value = [...this.#notices.value, event.notice];
    }
    if (event.type === 'ended') {
      const loss = this.#path?.loss ?? new PharosClientError('connection_lost', 'The stream was lost.');
      attempt.end(endOf(event.reason, loss));
    }
  }

  #drop(): void {
    this.#path?.close();
    this.#path = undefined;
    this.#signaling = undefined;
    this.#producers.clear();
    this.#viewers.value = 0;
    this.#notices.value = NONE;
    this.#trouble.value = false;
  }
}
