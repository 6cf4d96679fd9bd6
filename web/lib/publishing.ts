import type { MediaKind } from '../../server/protocol/messages.ts';
import { type Attempt, persist } from './attempt.ts';
import { PharosClientError, StreamEnded } from './errors.ts';
import type { Prepared } from './link.ts';
import { PublishLeg, type PublishOptions } from './publish-leg.ts';
import { NO_NOTICES, type Published, type PublisherFacts, type PublisherState } from './publisher-facts.ts';
import type { Sent } from './publisher-watch.ts';
import { Reconnect } from './reconnect.ts';
import { worthRetrying } from './retry.ts';

/** How long a stream of ours may seem to be in use: the server has to notice first that our old connection died. */
const OWN_GHOST = 30_000;

type Context = {
  connection: Prepared;
  facts: PublisherFacts;
  /** The publish key to send with the next attempt. */
  key(): string | undefined;
  iceTransportPolicy: RTCIceTransportPolicy | undefined;
  /** Called once, by whatever it ended; the state tells of it already. */
  onOver(): void;
};

/** A stream of ours from `start()` until it is over: leg after leg, whatever is lost meanwhile. Good for one start. */
export class Publishing {
  readonly #context: Context;
  readonly #facts: PublisherFacts;
  /** What the next leg begins with: changed as tracks, title and stream do. */
  readonly #options: PublishOptions;
  readonly #reconnect = new Reconnect();
  /** Aborted when it is over, by whomever. */
  readonly #run = new AbortController();
  /** All that were begun and not ended: one, or, while we move to another server, two. */
  readonly #legs = new Set<PublishLeg>();
  /** The one by which the stream is live. */
  #live: PublishLeg | undefined;
  /** Whether media ever got through. */
  #reached = false;
  /** While we move to another server: what the state will be when the server that we leave is gone. */
  #next: PublisherState | undefined;

  constructor(options: PublishOptions, context: Context) {
    this.#options = { ...options };
    this.#context = context;
    this.#facts = context.facts;
  }

  get over(): boolean {
    return this.#run.signal.aborted;
  }

  /** By what it is live; undefined while it is not. */
  get sent(): Sent | undefined {
    const leg = this.#live;
    if (!leg?.media || this.#facts.state.value.name !== 'live') return undefined;
    return { path: leg.media.path, conversation: leg.conversation, udpOffered: leg.udpOffered };
  }

  get videoTrack(): MediaStreamTrack | undefined {
    return this.#options.videoTrack;
  }

  /** Resolves when the stream is live; rejects if it cannot be. Later losses are mended and told by the state. */
  start(): Promise<Published> {
    this.#facts.state.value = { name: 'connecting' };
    return new Promise((resolve, reject) => {
      void this.#publishUntilOver(resolve).then(reject);
    });
  }

  /** @see Publisher.replaceTrack */
  async replaceTrack(kind: MediaKind, track: MediaStreamTrack | null): Promise<void> {
    const options = this.#options;
    options[kind === 'video' ? 'videoTrack' : 'audioTrack'] = track ?? undefined;
    await Promise.all([...this.#legs].map(({ media }) => media?.replaceTrack(kind, track, options.video)));
  }

  /** @see Publisher.setTitle */
  async setTitle(title: string): Promise<void> {
    if (this.over) return;
    this.#options.title = title;
    const legs = [...this.#legs].filter(({ media }) => media);
    await Promise.all(legs.map(({ conversation }) => conversation.request('title', { title })));
  }

  stop(): void {
    if (this.over) return;
    for (const { conversation } of this.#legs) {
      // Without this the server would tell the viewers that we were lost, not that we stopped. If the
      // connection is lost just now, it comes with the next.
      void conversation.request('stop', {}).then(
        () => conversation.close(),
        () => conversation.close(),
      );
    }
    this.#end({ name: 'ended', reason: 'stopped' });
  }

  /** The peer connection's statistics; undefined while there is none. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#live?.media?.path.getStats();
  }

  async #publishUntilOver(live: (published: Published) => void): Promise<PharosClientError> {
    let lostAt: number | undefined;
    let published: Published | undefined;
    const wasLive = this.#options.resume !== undefined;
    const reason = await persist({
      signal: this.#run.signal,
      reconnect: this.#reconnect,
      start: async (attempt) => {
        published = await this.#publish(attempt);
        lostAt = undefined;
        this.#facts.state.value = { name: 'live', published };
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
    if (this.over) return reason;
    for (const { conversation } of this.#legs) conversation.close();
    if (reason instanceof StreamEnded) this.#end({ name: 'ended', reason: reason.reason });
    else this.#end({ name: 'failed', error: reason });
    return reason;
  }

  #worthRetrying(error: PharosClientError, lostFor: number): boolean {
    if (error.code === 'stream_in_use') return lostFor < OWN_GHOST;
    return worthRetrying(error, this.#reconnect.attempt, { member: true, reached: this.#reached });
  }

  /** Resolves when the stream is live. */
  async #publish(attempt: Attempt): Promise<Published> {
    const { connection, facts, key, iceTransportPolicy } = this.#context;
    const connecting = connection.take();
    const leg: PublishLeg = new PublishLeg(connecting.conversation, attempt, {
      ...{ facts, key: key(), iceTransportPolicy },
      onTrouble: (trouble) => {
        if (this.#live === leg || !this.#live) facts.trouble.value = trouble;
      },
      onConnected: () => {
        this.#reached = true;
        this.#reconnect.reset();
      },
    });
    this.#legs.add(leg);
    attempt.onEnd((reason) => this.#attemptOnEnd(leg, reason));
    const published = await leg.publish(connecting, this.#options);
    this.#goOnBy(leg);
    return published;
  }

  /** The stream is live by this one: the server that we left is not needed any more. */
  #goOnBy(leg: PublishLeg): void {
    const old = this.#live;
    this.#live = leg;
    this.#next = undefined;
    this.#facts.trouble.value = false;
    old?.conversation.close();
    if (old) this.#drop(old);
  }

  /** Whoever goes to another server is live by the old one until the new one is ready. */
  #attemptOnEnd(leg: PublishLeg, reason: PharosClientError): void {
    const { value: state } = this.#facts.state;
    if (reason.code === 'moved' && this.#live === leg && 'published' in state) {
      this.#next = { name: 'reconnecting', published: state.published, attempt: 1, error: reason };
      leg.end = () => this.#oldServerOnEnd(leg);
      return;
    }
    // Who stops says so first, and closes then.
    if (reason.code !== 'stopped') leg.conversation.close();
    this.#facts.interrupted.value = false;
    this.#drop(leg);
  }

  #oldServerOnEnd(leg: PublishLeg): void {
    leg.conversation.close();
    this.#drop(leg);
    if (!this.#next) return;
    this.#facts.state.value = this.#next;
    this.#next = undefined;
  }

  /** A state of the attempt under way; of no interest as long as the server that we leave goes on. */
  #enter(state: PublisherState): void {
    if (this.#next) this.#next = state;
    else this.#facts.state.value = state;
  }

  #end(state: PublisherState): void {
    this.#run.abort();
    this.#next = undefined;
    for (const leg of [...this.#legs]) this.#drop(leg);
    this.#facts.state.value = state;
    this.#context.onOver();
  }

  #drop(leg: PublishLeg): void {
    this.#legs.delete(leg);
    leg.media?.close();
    if (this.#live === leg) this.#live = undefined;
    if (this.#live) return;
    const { viewers, audience, notices, trouble } = this.#facts;
    viewers.value = 0;
    audience.value = undefined;
    notices.value = NO_NOTICES;
    trouble.value = false;
  }
}
