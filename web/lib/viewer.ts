import type { EndReason } from '../../server/protocol/codes.ts';
import type { Event, EventOf, Media, Notice } from '../../server/protocol/messages.ts';
import { type Attempt, persist } from './attempt.ts';
import { Emitter } from './emitter.ts';
import { PharosClientError, StreamEnded, toClientError } from './errors.ts';
import { type Link, Prepared } from './link.ts';
import { MediaPath } from './media-path.ts';
import { Observed } from './observed.ts';
import { Reconnect } from './reconnect.ts';
import { endOf, worthRetrying } from './retry.ts';
import type { SignalClient } from './signal-client.ts';
import { localTransport, wireCapabilities } from './wire.ts';

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
  /** With `waiting` it starts again by itself when the publisher is back. */
  | { name: 'ended'; reason: EndReason; waiting: boolean; notice?: Notice | undefined }
  | { name: 'reconnecting'; attempt: number; error: PharosClientError }
  | { name: 'failed'; error: PharosClientError };

export type ViewerEvents = {
  state: ViewerState;
  viewers: number;
  /** True while we should receive media and none gets through. */
  trouble: boolean;
  /** Tracks came into `mediaStream`; earlier than the state tells of it, so that a player can get ready. */
  tracks: MediaStream;
  /** What the stream has and this browser cannot play. */
  unplayable: Media['unplayable'];
};

export type ViewerOptions = {
  /** Where the server's `/ws` is. */
  url: string;
  iceTransportPolicy?: RTCIceTransportPolicy | undefined;
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
  #run: AbortController | undefined;
  /** Since when there is something to wait for; undefined once the first frame was reported. */
  #awaitedSince: number | undefined;
  #signaling: SignalClient | undefined;
  readonly #connection: Prepared;
  /** Outlives its attempt: the last picture stays until there is a new one. */
  #path: MediaPath | undefined;

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

  /** Opens the connection ahead of `watch()`, which then takes a round trip less. */
  prepare(): void {
    this.#connection.open();
  }

  /**
   * Resolves when the stream plays or is waited for; rejects if neither is
   * possible. Later losses are mended and told by the state.
   */
  watch(streamId: string): Promise<void> {
    this.#run?.abort();
    this.#dropPath();
    const run = new AbortController();
    this.#run = run;
    this.#reconnect.reset();
    this.#awaitedSince = performance.now();
    this.#state.value = { name: 'connecting' };
    return new Promise((resolve, reject) => {
      void this.#watchUntilOver(streamId, run.signal, resolve).then(reject);
    });
  }

  stop(): void {
    this.#run?.abort();
    this.#run = undefined;
    this.#connection.close();
    this.#dropPath();
    if (this.#state.value.name !== 'idle') this.#state.value = { name: 'idle' };
  }

  /** To be called when the first frame is on the screen: the server is told, in a while, how long that took. */
  reportFirstFrame(): void {
    const signaling = this.#signaling;
    if (this.#awaitedSince === undefined || !signaling) return;
    const milliseconds = Math.min(Math.round(performance.now() - this.#awaitedSince), REPORT_MOST);
    this.#awaitedSince = undefined;
    setTimeout(() => signaling.request('first_frame', { milliseconds }).catch(() => {}), REPORT_AFTER);
  }

  /** The peer connection's statistics; undefined while there is none. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#path?.getStats();
  }

  async #watchUntilOver(id: string, signal: AbortSignal, joined: () => void): Promise<PharosClientError> {
    let member = false;
    const reason = await persist({
      signal,
      reconnect: this.#reconnect,
      start: async (attempt) => {
        await this.#join(attempt, id);
        member = true;
        joined();
      },
      again: (error) => this.#again(error, member),
      stopped: () => new PharosClientError('stopped', 'Stopped.'),
    });
    // If it was stopped, the state is in other hands by now.
    if (signal.aborted) return reason;
    this.#dropPath();
    if (reason instanceof StreamEnded) {
      this.#state.value = { name: 'ended', reason: reason.reason, waiting: false };
    } else {
      this.#state.value = { name: 'failed', error: reason };
    }
    return reason;
  }

  #again(error: PharosClientError, member: boolean): boolean {
    const { attempt } = this.#reconnect;
    if (!worthRetrying(error, attempt, member)) return false;
    this.#state.value = { name: 'reconnecting', attempt: attempt + 1, error };
    return true;
  }

  async #join(attempt: Attempt, streamId: string): Promise<void> {
    const connecting = this.#connection.take();
    const { signaling } = connecting;
    this.#signaling = signaling;
    attempt.onEnd(() => signaling.close());
    signaling.on('close', (error) => attempt.end(error));
    const link = connecting.ready ?? (await attempt.during(connecting.link));
    signaling.on('event', (event) => this.#signalingOnEvent(event, attempt, link));
    const answer = await attempt.during(
      signaling.request('watch', {
        stream: streamId,
        rtpCapabilities: wireCapabilities(link.device.recvRtpCapabilities),
      }),
    );
    if (answer.state === 'live') {
      this.#viewers.value = answer.viewers;
      await this.#attach(attempt, link, answer.media);
    } else {
      this.#reconnect.reset();
      this.#dropPath();
      this.#state.value = { name: 'waiting', notice: answer.notice };
    }
  }

  #signalingOnEvent(event: Event, attempt: Attempt, link: Link): void {
    if (attempt.ended) return;
    if ('viewers' in event) this.#viewers.value = event.viewers;
    if (event.type === 'viewers') this.#viewers.value = event.count;
    if (event.type === 'ended') this.#streamOnEnd(event, attempt);
    if (event.type === 'notice') this.#streamOnNotice(event.notice);
    if (event.type === 'live' && event.media) {
      this.#awaitedSince = performance.now();
      this.#attach(attempt, link, event.media).catch((error: unknown) => attempt.end(toClientError(error)));
    }
  }

  /** Why the stream is not live. */
  #streamOnNotice(notice: Notice | undefined): void {
    const state = this.#state.value;
    if (state.name === 'waiting' || state.name === 'ended') this.#state.value = { ...state, notice };
  }

  #streamOnEnd({ reason, waiting }: EventOf<'ended'>, attempt: Attempt): void {
    if (!waiting) {
      const loss = this.#path?.loss ?? new PharosClientError('connection_lost', 'The stream was lost.');
      attempt.end(endOf(reason, loss));
      return;
    }
    this.#dropPath();
    this.#state.value = { name: 'ended', reason, waiting };
  }

  async #attach(attempt: Attempt, link: Link, media: Media): Promise<void> {
    const transport = link.device.createRecvTransport({
      ...localTransport(media.transport),
      iceServers: link.welcome.iceServers,
      iceTransportPolicy: this.#options.iceTransportPolicy,
    });
    const path = new MediaPath({
      transport,
      signaling: link.signaling,
      onTrouble: (trouble) => {
        if (this.#path === path) this.#trouble.value = trouble;
      },
      onConnected: () => this.#reconnect.reset(),
      onLost: (reason) => attempt.end(reason),
    });
    this.#dropPath();
    this.#path = path;
    this.emit('unplayable', media.unplayable);
    try {
      // All in one tick: mediasoup-client makes one offer and answer of them.
      await Promise.all(
        media.consumers.map((consumer) =>
          transport.consume({
            ...consumer,
            // Before the answer is made: the player gets ready meanwhile.
            onRtpReceiver: ({ track }) => this.#addTrack(track),
          }),
        ),
      );
    } catch (error) {
      // Stopped or ended in between: whoever closed the path has set the state.
      if (this.#path !== path) return;
      throw error;
    }
    if (this.#path === path && !attempt.ended) this.#state.value = { name: 'live' };
  }

  #addTrack(track: MediaStreamTrack): void {
    this.mediaStream.addTrack(track);
    this.emit('tracks', this.mediaStream);
  }

  #dropPath(): void {
    this.#path?.close();
    this.#path = undefined;
    for (const track of this.mediaStream.getTracks()) this.mediaStream.removeTrack(track);
    this.#trouble.value = false;
  }
}
