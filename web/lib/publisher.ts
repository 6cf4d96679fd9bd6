import type { EndReason } from '../../server/protocol/codes.ts';
import type { AnswerOf, Event, EventOf, MediaKind, Notice } from '../../server/protocol/messages.ts';
import { type Attempt, persist } from './attempt.ts';
import { chooseCodec } from './codecs.ts';
import { deferred } from './deferred.ts';
import type { Health } from './diagnosis.ts';
import { Emitter } from './emitter.ts';
import { PharosClientError, StreamEnded } from './errors.ts';
import { Leg } from './leg.ts';
import { type Link, Prepared } from './link.ts';
import { Observed } from './observed.ts';
import { PublisherWatch, type Sent } from './publisher-watch.ts';
import { Reconnect } from './reconnect.ts';
import { endOf, worthRetrying } from './retry.ts';
import { Sender } from './sender.ts';
import type { AudioSettings, VideoSettings } from './sending.ts';
import type { SendingStats } from './sending-stats.ts';
import { aliveTracks, kindsOf } from './tracks.ts';
import { offersUdp } from './wire.ts';

export type Published = {
  stream: string;
  /** Its secret, with which another page can go on with the stream; no longer than `grace` ms after this one is gone. */
  session: string;
  grace: number;
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
  /** True while the connection to the server is lost and another is tried for; media goes on meanwhile. */
  interrupted: boolean;
  /** What the server finds in our media that disturbs viewers. */
  notices: readonly Notice[];
  /** How the viewers fare; undefined while nothing is known of them. */
  audience: Audience | undefined;
  /** Every two seconds while live. */
  stats: SendingStats;
  /** How it does, at a glance; undefined while it does not publish. */
  health: Health | undefined;
};

export type Audience = Omit<EventOf<'audience'>, 'type'>;

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
  /** The secret of the session that published the stream so far (`Published.session`): it is taken over. */
  resume?: string | undefined;
  /** What the stream is called, in one line; left out, what it was called before it is gone on with. */
  title?: string | undefined;
  videoTrack?: MediaStreamTrack | undefined;
  audioTrack?: MediaStreamTrack | undefined;
  video: VideoSettings;
  /** Left out: in mono. */
  audio?: AudioSettings | undefined;
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
  readonly #state = new Observed<PublisherState>({ name: 'idle' }, (state) => {
    this.emit('state', state);
    this.#watch?.update();
  });
  readonly #viewers = new Observed(0, (count) => this.emit('viewers', count));
  readonly #trouble = new Observed(false, (trouble) => {
    this.emit('trouble', trouble);
    this.#watch?.update();
  });
  readonly #interrupted = new Observed(false, (interrupted) => {
    this.emit('interrupted', interrupted);
    this.#watch?.update();
  });
  readonly #notices = new Observed(NONE, (notices) => this.emit('notices', notices));
  readonly #audience = new Observed<Audience | undefined>(undefined, (audience) =>
    this.emit('audience', audience),
  );
  readonly #health = new Observed<Health | undefined>(undefined, (health) => this.emit('health', health));
  readonly #connection: Prepared;
  #run: AbortController | undefined;
  /** Present while it publishes. */
  #watch: PublisherWatch | undefined;
  #publishing: PublishOptions | undefined;
  /** All that were begun and not ended: one, or, while we move to another server, two. */
  readonly #legs = new Set<Leg<Sender>>();
  /** The one by which the stream is live. */
  #live: Leg<Sender> | undefined;
  /** Whether media ever got through since `publish()`. */
  #reached = false;
  /** While we move to another server: what the state will be when the server that we leave is gone. */
  #next: PublisherState | undefined;

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

  get interrupted(): boolean {
    return this.#interrupted.value;
  }

  get audience(): Audience | undefined {
    return this.#audience.value;
  }

  get health(): Health | undefined {
    return this.#health.value;
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
    this.#startToLook();
    this.#reconnect.reset();
    this.#reached = false;
    this.#state.value = { name: 'connecting' };
    return new Promise((resolve, reject) => {
      void this.#publishUntilOver(publishing, run.signal, resolve).then(reject);
    });
  }

  /** Another camera or microphone, without interrupting; `null` sends nothing of this kind. */
  async replaceTrack(kind: MediaKind, track: MediaStreamTrack | null): Promise<void> {
    const name = kind === 'video' ? 'videoTrack' : 'audioTrack';
    const publishing = this.#publishing;
    if (!publishing) return;
    publishing[name] = track ?? undefined;
    await Promise.all([...this.#legs].map(({ media }) => media?.replaceTrack(kind, track, publishing.video)));
  }

  /** The stream is called something else from now on; '' is no title. Rejects if the server refuses it. */
  async setTitle(title: string): Promise<void> {
    const publishing = this.#publishing;
    if (!publishing || !this.#run) return;
    publishing.title = title;
    const legs = [...this.#legs].filter(({ media }) => media);
    await Promise.all(legs.map(({ conversation }) => conversation.request('title', { title })));
  }

  stop(): void {
    if (!this.#run) return;
    for (const { conversation } of this.#legs) {
      // Without this the server would tell the viewers that we were lost, not that we stopped. If the
      // connection is lost just now, it comes with the next.
      void conversation.request('stop', {}).then(
        () => conversation.close(),
        () => conversation.close(),
      );
    }
    this.#run.abort();
    this.#run = undefined;
    this.#dropAll();
    this.#state.value = { name: 'ended', reason: 'stopped' };
    this.#watch?.close();
  }

  /** The peer connection's statistics; undefined while there is none. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#live?.media?.path.getStats();
  }

  async #publishUntilOver(
    options: PublishOptions,
    signal: AbortSignal,
    live: (published: Published) => void,
  ): Promise<PharosClientError> {
    let lostAt: number | undefined;
    let published: Published | undefined;
    const wasLive = options.resume !== undefined;
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
        // The first try says at once what is wrong; who was live wants to be live again.
        const member = wasLive || published !== undefined;
        if (!member || !this.#worthRetrying(error, performance.now() - lostAt)) return false;
        const { attempt } = this.#reconnect;
        if (published) this.#enter({ name: 'reconnecting', published, attempt: attempt + 1, error });
        return true;
      },
      stopped: () => new PharosClientError('stopped', 'Stopped.'),
    });
    // If it was stopped, the state is in other hands by now.
    if (signal.aborted) return reason;
    this.#run = undefined;
    for (const { conversation } of this.#legs) conversation.close();
    this.#dropAll();
    if (reason instanceof StreamEnded) this.#state.value = { name: 'ended', reason: reason.reason };
    else this.#state.value = { name: 'failed', error: reason };
    this.#watch?.close();
    return reason;
  }

  #worthRetrying(error: PharosClientError, lostFor: number): boolean {
    if (error.code === 'stream_in_use') return lostFor < OWN_GHOST;
    return worthRetrying(error, this.#reconnect.attempt, { member: true, reached: this.#reached });
  }

  /** A state of the attempt under way; of no interest as long as the server that we leave goes on. */
  #enter(state: PublisherState): void {
    if (this.#next) this.#next = state;
    else this.#state.value = state;
  }

  /** Resolves when the stream is live. */
  async #publish(attempt: Attempt, options: PublishOptions): Promise<Published> {
    const connecting = this.#connection.take();
    const { conversation } = connecting;
    const leg = new Leg<Sender>(conversation, attempt);
    this.#legs.add(leg);
    attempt.onEnd((reason) => this.#attemptOnEnd(leg, reason));
    const link = connecting.ready ?? (await attempt.during(connecting.link));
    const live = deferred<void>();
    conversation.on('event', (event) => this.#conversationOnEvent(event, leg, live.resolve));
    conversation.on('interrupted', (interrupted) => {
      this.#interrupted.value = interrupted;
    });
    const tracks = aliveTracks(options);
    // Better refused here than after the server has been asked.
    if (tracks.video) chooseCodec(link.device.sendRtpCapabilities, options.video.codec);
    const { stream, resume, title } = options;
    const answer = await attempt.during(
      conversation.request('publish', { stream, key: this.key, resume, tracks: kindsOf(tracks), title }),
    );
    // From now on it is this stream that we publish, also after a loss.
    options.stream = answer.stream;
    options.resume = answer.session;
    const sender = this.#createSender(leg, link, answer);
    await attempt.during(
      sender.send(tracks, options, () => ({ video: options.videoTrack, audio: options.audioTrack })),
    );
    await attempt.during(live.promise);
    this.#goOnBy(leg);
    const { watchUrl, session, grace } = answer;
    return { stream: answer.stream, watchUrl, session, grace };
  }

  #createSender(leg: Leg<Sender>, link: Link, answer: AnswerOf<'publish'>): Sender {
    leg.media = new Sender(answer, {
      link,
      iceTransportPolicy: this.#options.iceTransportPolicy,
      onTrouble: (trouble) => {
        if (this.#live === leg || !this.#live) this.#trouble.value = trouble;
      },
      onConnected: () => {
        this.#reached = true;
        this.#reconnect.reset();
      },
      onLost: (reason) => leg.end(reason),
    });
    leg.udpOffered = offersUdp(answer.transport, this.#options.iceTransportPolicy);
    return leg.media;
  }

  #startToLook(): void {
    this.#watch?.close();
    this.#watch = new PublisherWatch({
      sent: () => this.#sent(),
      observe: () => ({
        state: this.state.name,
        trouble: this.trouble,
        interrupted: this.interrupted,
        audience: this.audience,
        video: this.#publishing?.videoTrack?.enabled === true,
      }),
      onStats: (stats) => this.emit('stats', stats),
      onHealth: (health) => {
        this.#health.value = health;
      },
    });
  }

  #sent(): Sent | undefined {
    if (!this.#live?.media || this.state.name !== 'live') return undefined;
    const { media, conversation, udpOffered } = this.#live;
    return { path: media.path, conversation, udpOffered };
  }

  /** The stream is live by this one: the server that we left is not needed any more. */
  #goOnBy(leg: Leg<Sender>): void {
    const old = this.#live;
    this.#live = leg;
    this.#next = undefined;
    this.#trouble.value = false;
    old?.conversation.close();
    if (old) this.#drop(old);
  }

  /** Whoever goes to another server is live by the old one until the new one is ready. */
  #attemptOnEnd(leg: Leg<Sender>, reason: PharosClientError): void {
    const { value: state } = this.#state;
    if (reason.code === 'moved' && this.#live === leg && 'published' in state) {
      this.#next = { name: 'reconnecting', published: state.published, attempt: 1, error: reason };
      leg.end = () => this.#oldServerOnEnd(leg);
      return;
    }
    // Who stops says so first, and closes then.
    if (reason.code !== 'stopped') leg.conversation.close();
    this.#interrupted.value = false;
    this.#drop(leg);
  }

  #oldServerOnEnd(leg: Leg<Sender>): void {
    leg.conversation.close();
    this.#drop(leg);
    if (!this.#next) return;
    this.#state.value = this.#next;
    this.#next = undefined;
  }

  #conversationOnEvent(event: Event, leg: Leg<Sender>, live: () => void): void {
    switch (event.type) {
      case 'live':
        this.#viewers.value = event.viewers;
        live();
        break;
      case 'viewers':
        this.#viewers.value = event.count;
        break;
      case 'notice':
        if (event.notice) this.#notices.value = [...this.#notices.value, event.notice];
        break;
      case 'ended': {
        const loss = leg.media?.path.loss ?? new PharosClientError('connection_lost', 'The stream was lost.');
        leg.end(endOf(event.reason, loss));
        break;
      }
      case 'move':
        leg.moveIn(event.delay);
        break;
      case 'welcome':
      case 'closing':
      case 'away':
      case 'back':
      case 'tracks':
      case 'layer':
      case 'title':
      case 'source':
        break;
      case 'audience': {
        const { type, ...audience } = event;
        this.#audience.value = audience;
        this.#watch?.update();
        break;
      }
    }
  }

  #drop(leg: Leg<Sender>): void {
    this.#legs.delete(leg);
    leg.media?.close();
    if (this.#live === leg) this.#live = undefined;
    if (this.#live) return;
    this.#viewers.value = 0;
    this.#audience.value = undefined;
    this.#notices.value = NONE;
    this.#trouble.value = false;
  }

  #dropAll(): void {
    this.#next = undefined;
    for (const leg of [...this.#legs]) this.#drop(leg);
  }
}
