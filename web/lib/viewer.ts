import type { EndReason } from '../../server/protocol/codes.ts';
import type { Event, EventOf, Media, Notice, Source } from '../../server/protocol/messages.ts';
import { type Attempt, persist } from './attempt.ts';
import type { ViewerDiagnosis } from './diagnosis.ts';
import { Emitter } from './emitter.ts';
import { PharosClientError, StreamEnded, toClientError } from './errors.ts';
import { LayerChoice, type ReceivedLayers, type VideoWish } from './layers.ts';
import { Leg } from './leg.ts';
import { type Link, Prepared } from './link.ts';
import { Observed } from './observed.ts';
import { Receiver } from './receiver.ts';
import type { ReceivingStats } from './receiving-stats.ts';
import { Reconnect } from './reconnect.ts';
import { endOf, worthRetrying } from './retry.ts';
import { ViewerWatch, type Watched } from './viewer-watch.ts';
import { offersUdp, wireCapabilities } from './wire.ts';

/** The server's statistics can wait until the join is long over. */
const REPORT_AFTER = 2000;
/** The protocol takes no more. */
const REPORT_MOST = 600_000;

export type ViewerState =
  | { name: 'idle' }
  | { name: 'connecting' }
  /** The stream is not live; it starts by itself when it is. */
  | { name: 'waiting'; notice?: Notice | undefined }
  | { name: 'live' }
  /** The publisher dropped out, and may come back; the last picture stays. */
  | { name: 'away'; reason: EndReason; notice?: Notice | undefined }
  /** With `waiting` it starts again by itself when the publisher is back. */
  | { name: 'ended'; reason: EndReason; waiting: boolean; notice?: Notice | undefined }
  | { name: 'reconnecting'; attempt: number; error: PharosClientError }
  | { name: 'failed'; error: PharosClientError };

export type ViewerEvents = {
  state: ViewerState;
  viewers: number;
  /** True while we should receive media and none gets through. */
  trouble: boolean;
  /** True while the connection to the server is lost and another is tried for; media goes on meanwhile. */
  interrupted: boolean;
  /** Tracks came into `mediaStream`; earlier than the state tells of it, so that a player can get ready. */
  tracks: MediaStream;
  /** What the stream has and this browser cannot play. */
  unplayable: Media['unplayable'];
  /** In which sizes the picture comes, and which of them now; undefined: it has but one. */
  layers: ReceivedLayers | undefined;
  /** What the stream is called; '' has no title. */
  title: string;
  /** What limits the publisher's sending; undefined: nothing known. */
  source: Source | undefined;
  /** Every two seconds while live. */
  stats: ReceivingStats;
  /** What is wrong, if anything. */
  diagnosis: ViewerDiagnosis;
};

export type ViewerOptions = {
  /** Where the server's `/ws` is. */
  url: string;
  iceTransportPolicy?: RTCIceTransportPolicy | undefined;
};

export type WatchOptions = {
  /** By what a private stream may be watched. */
  key?: string | undefined;
};

/** Receives a stream and goes on receiving it, whatever happens to connection and publisher, until `stop()`. */
export class Viewer extends Emitter<ViewerEvents> {
  /** Always the same object; tracks come and go. */
  readonly mediaStream = new MediaStream();
  readonly #options: ViewerOptions;
  readonly #reconnect = new Reconnect();
  readonly #state = new Observed<ViewerState>({ name: 'idle' }, (state) => this.emit('state', state));
  readonly #viewers = new Observed(0, (count) => this.emit('viewers', count));
  readonly #trouble = new Observed(false, (trouble) => this.emit('trouble', trouble));
  readonly #interrupted = new Observed(false, (interrupted) => this.emit('interrupted', interrupted));
  readonly #choice = new LayerChoice((layers) => this.emit('layers', layers));
  readonly #title = new Observed('', (title) => this.emit('title', title));
  readonly #source = new Observed<Source | undefined>(undefined, (source) => this.emit('source', source));
  readonly #diagnosis = new Observed<ViewerDiagnosis>('ok', (found) => this.emit('diagnosis', found));
  readonly #connection: Prepared;
  #run: AbortController | undefined;
  /** Present while something is to be watched. */
  #watch: ViewerWatch | undefined;
  /** Since when there is something to wait for; undefined once the first frame was reported. */
  #awaitedSince: number | undefined;
  /** Whether media ever got through since `watch()`. */
  #reached = false;
  /** What is on the screen. It outlives its attempt: the last picture stays until there is a new one. */
  #shown: { leg: Leg<Receiver>; receiver: Receiver } | undefined;
  /** While we move to another server: what the state will be when the server that we leave is gone. */
  #next: ViewerState | undefined;

  constructor(options: ViewerOptions) {
    super();
    this.#options = options;
    this.#connection = new Prepared(options.url, 'recv');
  }

  get state(): ViewerState {
    return this.#state.value;
  }

  get viewers(): number {
    return this.#viewers.value;
  }

  get trouble(): boolean {
    return this.#trouble.value;
  }

  get interrupted(): boolean {
    return this.#interrupted.value;
  }

  get layers(): ReceivedLayers | undefined {
    return this.#choice.layers;
  }

  /** The largest layer that this device decodes fast enough; undefined: it has had no trouble with any. */
  get decoderLimit(): number | undefined {
    return this.#choice.limited;
  }

  get title(): string {
    return this.#title.value;
  }

  get source(): Source | undefined {
    return this.#source.value;
  }

  get diagnosis(): ViewerDiagnosis {
    return this.#diagnosis.value;
  }

  /** Of the video none, or no larger picture than that layer's: now, after a reconnect, of a publisher to come. */
  prefer(wish: VideoWish): void {
    this.#choice.prefer(wish);
  }

  /** Opens the connection ahead of `watch()`, which then takes a round trip less. */
  prepare(): void {
    this.#connection.open();
  }

  /**
   * Resolves when the stream plays or is waited for; rejects if neither is
   * possible. Later losses are mended and told by the state.
   */
  watch(streamId: string, options: WatchOptions = {}): Promise<void> {
    this.#run?.abort();
    this.#drop();
    const run = new AbortController();
    this.#run = run;
    this.#startToLook();
    this.#title.value = '';
    this.#reconnect.reset();
    this.#awaitedSince = performance.now();
    this.#reached = false;
    this.#state.value = { name: 'connecting' };
    return new Promise((resolve, reject) => {
      void this.#watchUntilOver(streamId, options, run.signal, resolve).then(reject);
    });
  }

  stop(): void {
    this.#run?.abort();
    this.#run = undefined;
    this.#watch?.close();
    this.#connection.close();
    this.#drop();
    if (this.#state.value.name !== 'idle') this.#state.value = { name: 'idle' };
  }

  /** To be called when the first frame is on the screen: the server is told, in a while, how long that took. */
  reportFirstFrame(): void {
    const conversation = this.#shown?.leg.conversation;
    if (this.#awaitedSince === undefined || !conversation) return;
    const milliseconds = Math.min(Math.round(performance.now() - this.#awaitedSince), REPORT_MOST);
    this.#awaitedSince = undefined;
    setTimeout(() => conversation.request('first_frame', { milliseconds }).catch(() => {}), REPORT_AFTER);
  }

  /** The peer connection's statistics; undefined while there is none. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#shown?.receiver.path.getStats();
  }

  async #watchUntilOver(
    stream: string,
    options: WatchOptions,
    signal: AbortSignal,
    joined: () => void,
  ): Promise<PharosClientError> {
    let member = false;
    const reason = await persist({
      signal,
      reconnect: this.#reconnect,
      start: async (attempt) => {
        await this.#join(attempt, stream, options);
        member = true;
        joined();
      },
      again: (error) => this.#again(error, member),
      stopped: () => new PharosClientError('stopped', 'Stopped.'),
    });
    // If it was stopped, the state is in other hands by now.
    if (signal.aborted) return reason;
    this.#watch?.close();
    this.#drop();
    if (reason instanceof StreamEnded) {
      this.#state.value = { name: 'ended', reason: reason.reason, waiting: false };
    } else {
      this.#state.value = { name: 'failed', error: reason };
    }
    return reason;
  }

  #again(error: PharosClientError, member: boolean): boolean {
    const { attempt } = this.#reconnect;
    if (!worthRetrying(error, attempt, { member, reached: this.#reached })) return false;
    this.#enter({ name: 'reconnecting', attempt: attempt + 1, error });
    return true;
  }

  /** A state of the attempt under way; of no interest as long as the server that we leave goes on. */
  #enter(state: ViewerState): void {
    if (this.#next) this.#next = state;
    else this.#state.value = state;
  }

  async #join(attempt: Attempt, stream: string, { key }: WatchOptions): Promise<void> {
    const connecting = this.#connection.take();
    const { conversation } = connecting;
    const leg = new Leg<Receiver>(conversation, attempt);
    attempt.onEnd((reason) => this.#attemptOnEnd(leg, reason));
    const link = connecting.ready ?? (await attempt.during(connecting.link));
    conversation.on('event', (event) => this.#conversationOnEvent(event, leg, link));
    conversation.on('interrupted', (interrupted) => {
      this.#interrupted.value = interrupted;
    });
    const rtpCapabilities = wireCapabilities(link.device.recvRtpCapabilities);
    const answer = await attempt.during(conversation.request('watch', { stream, key, rtpCapabilities }));
    this.#choice.joined(conversation);
    if (answer.state === 'live') {
      this.#viewers.value = answer.viewers;
      await this.#attach(leg, link, answer.media);
    } else {
      this.#reconnect.reset();
      if (!this.#next) this.#drop();
      this.#enter({ name: 'waiting', notice: answer.notice });
    }
  }

  /** Whoever goes to another server sees the stream from the old one until there is a picture from the new one. */
  #attemptOnEnd(leg: Leg<Receiver>, reason: PharosClientError): void {
    if (reason.code === 'moved' && this.#shown?.leg === leg) {
      this.#next = { name: 'reconnecting', attempt: 1, error: reason };
      leg.end = () => this.#oldServerOnEnd(leg);
      return;
    }
    leg.conversation.close();
    this.#interrupted.value = false;
    if (leg.media !== this.#shown?.receiver) leg.media?.close();
  }

  #oldServerOnEnd(leg: Leg<Receiver>): void {
    leg.conversation.close();
    if (!this.#next || this.#shown?.leg !== leg) return;
    const next = this.#next;
    this.#next = undefined;
    if (next.name === 'waiting' || next.name === 'ended') this.#drop();
    this.#state.value = next;
  }

  #conversationOnEvent(event: Event, leg: Leg<Receiver>, link: Link): void {
    const fail = (error: unknown) => leg.end(toClientError(error));
    if ('viewers' in event) this.#viewers.value = event.viewers;
    switch (event.type) {
      case 'viewers':
        this.#viewers.value = event.count;
        break;
      case 'live':
        this.#awaitedSince = performance.now();
        if (event.media) this.#attach(leg, link, event.media).catch(fail);
        break;
      case 'away':
        this.#publisherOnAway(leg, event.reason);
        break;
      case 'back':
        if (this.#shown?.leg === leg && this.#state.value.name === 'away')
          this.#state.value = { name: 'live' };
        break;
      case 'tracks':
        this.emit('unplayable', event.unplayable);
        this.#streamIs(event);
        this.#play(leg, event.consumers).catch(fail);
        break;
      case 'ended':
        this.#streamOnEnd(event, leg);
        break;
      case 'layer':
        this.#choice.changed(leg.conversation, event.spatialLayer);
        break;
      case 'notice':
        this.#streamOnNotice(event.notice);
        break;
      case 'title':
        this.#title.value = event.title;
        break;
      case 'source':
        this.#streamIs({ title: this.title, source: event });
        break;
      case 'audience':
        break;
      case 'move':
        leg.moveIn(event.delay);
        break;
      case 'welcome':
      case 'closing':
        break;
    }
  }

  #streamIs({ title = '', source }: Pick<Media, 'title' | 'source'>): void {
    this.#title.value = title;
    this.#source.value = source && { limitation: source.limitation, weak: source.weak };
  }

  #startToLook(): void {
    this.#watch?.close();
    this.#watch = new ViewerWatch({
      watched: () => this.#watched(),
      source: () => this.source,
      choice: this.#choice,
      onStats: (stats) => this.emit('stats', stats),
      onDiagnosis: (diagnosis) => {
        this.#diagnosis.value = diagnosis;
      },
    });
  }

  #watched(): Watched | undefined {
    if (!this.#shown || this.state.name !== 'live') return undefined;
    const { leg, receiver } = this.#shown;
    return { path: receiver.path, conversation: leg.conversation, udpOffered: leg.udpOffered };
  }

  #publisherOnAway(leg: Leg<Receiver>, reason: EndReason): void {
    leg.media?.cancel();
    // It may well be on its way to where we are told to go, too.
    if (!this.#next) leg.moveIfTold();
    if (!this.#shown || this.#shown.leg === leg) this.#state.value = { name: 'away', reason };
  }

  /** Why the stream is not live. */
  #streamOnNotice(notice: Notice | undefined): void {
    const state = this.#next ?? this.#state.value;
    if (state.name === 'waiting' || state.name === 'ended' || state.name === 'away') {
      this.#enter({ ...state, notice });
    }
  }

  #streamOnEnd({ reason, waiting }: EventOf<'ended'>, leg: Leg<Receiver>): void {
    const old = this.#next !== undefined && this.#shown?.leg === leg;
    if (old || !waiting) {
      const loss = leg.media?.path.loss ?? new PharosClientError('connection_lost', 'The stream was lost.');
      leg.end(endOf(reason, loss));
      return;
    }
    leg.media?.close();
    leg.media = undefined;
    if (!this.#next) this.#drop();
    this.#enter({ name: 'ended', reason, waiting });
  }

  async #attach(leg: Leg<Receiver>, link: Link, media: Media): Promise<void> {
    const receiver = new Receiver(media.transport, {
      link,
      iceTransportPolicy: this.#options.iceTransportPolicy,
      onTracks: (tracks) => this.#show(leg, receiver, tracks),
      onTrouble: (trouble) => {
        if (this.#shown?.receiver === receiver) this.#trouble.value = trouble;
      },
      onConnected: () => {
        this.#reached = true;
        this.#reconnect.reset();
      },
      onLost: (reason) => leg.end(reason),
      expectsMedia: () => this.#state.value.name === 'live',
      wantsVideo: () => this.#choice.wish.video,
    });
    if (leg.media !== this.#shown?.receiver) leg.media?.close();
    leg.media = receiver;
    leg.udpOffered = offersUdp(media.transport, this.#options.iceTransportPolicy);
    this.emit('unplayable', media.unplayable);
    this.#streamIs(media);
    await this.#play(leg, media.consumers);
  }

  async #play(leg: Leg<Receiver>, consumers: Media['consumers']): Promise<void> {
    const { media: receiver } = leg;
    if (!receiver) return;
    const empty = this.mediaStream.getTracks().length === 0;
    this.#choice.offered(consumers);
    try {
      if ((await receiver.play(consumers, empty)) && leg.media === receiver) {
        this.#state.value = { name: 'live' };
      }
    } catch (error) {
      // Stopped or ended in between: whoever closed it has set the state.
      if (!receiver.closed) throw error;
    }
  }

  /** In one tick, so that the player never finds itself without a track. */
  #show(leg: Leg<Receiver>, receiver: Receiver, tracks: readonly MediaStreamTrack[]): void {
    if (receiver.closed || leg.media !== receiver) return;
    const before = this.mediaStream.getTracks();
    for (const track of tracks) if (!before.includes(track)) this.mediaStream.addTrack(track);
    for (const track of before) if (!tracks.includes(track)) this.mediaStream.removeTrack(track);
    const last = this.#shown;
    this.#shown = { leg, receiver };
    if (last?.receiver !== receiver) {
      this.#next = undefined;
      if (last && last.leg !== leg) last.leg.conversation.close();
      last?.receiver.close();
      this.#trouble.value = false;
    }
    this.emit('tracks', this.mediaStream);
  }

  /** Takes away what is on the screen. */
  #drop(): void {
    const shown = this.#shown;
    this.#shown = undefined;
    if (this.#next) shown?.leg.conversation.close();
    this.#next = undefined;
    shown?.receiver.close();
    for (const track of this.mediaStream.getTracks()) this.mediaStream.removeTrack(track);
    this.#choice.dropped();
    this.#watch?.reset();
    this.#source.value = undefined;
    this.#trouble.value = false;
  }
}
