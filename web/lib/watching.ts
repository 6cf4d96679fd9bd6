import type { EndReason } from '../../server/protocol/codes.ts';
import type { EventOf, Media, Notice } from '../../server/protocol/messages.ts';
import { type Attempt, persist } from './attempt.ts';
import { PharosClientError, StreamEnded } from './errors.ts';
import { FirstFrame } from './first-frame.ts';
import type { LayerChoice } from './layers.ts';
import type { Prepared } from './link.ts';
import type { Receiver } from './receiver.ts';
import { Reconnect } from './reconnect.ts';
import { endOf, worthRetrying } from './retry.ts';
import type { ViewerFacts, ViewerState } from './viewer-facts.ts';
import type { Watched } from './viewer-watch.ts';
import { WatchLeg, type WatchLegParent } from './watch-leg.ts';

type Context = {
  stream: string;
  /** By what a private stream may be watched. */
  key: string | undefined;
  connection: Prepared;
  facts: ViewerFacts;
  choice: LayerChoice;
  mediaStream: MediaStream;
  iceTransportPolicy: RTCIceTransportPolicy | undefined;
  onTracks(): void;
  onUnplayable(unplayable: Media['unplayable']): void;
  /** Nothing is on the screen any more. */
  onDrop(): void;
  /** Called once, by whatever it ended, ahead of the state that tells of it. */
  onOver(): void;
};

/** One stream watched, from `start()` until it is over: leg after leg, whatever is lost meanwhile. Good for one start. */
export class Watching implements WatchLegParent {
  readonly #context: Context;
  readonly #facts: ViewerFacts;
  readonly #reconnect = new Reconnect();
  readonly #firstFrame = new FirstFrame();
  /** Aborted when it is over, by whomever. */
  readonly #run = new AbortController();
  /** Whether media ever got through. */
  #reached = false;
  /** What is on the screen. It outlives its attempt: the last picture stays until there is a new one. */
  #shown: { leg: WatchLeg; receiver: Receiver } | undefined;
  /** While we move to another server: what the state will be when the server that we leave is gone. */
  #next: ViewerState | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#facts = context.facts;
  }

  get over(): boolean {
    return this.#run.signal.aborted;
  }

  /** What is on the screen; undefined while nothing is to be expected there. */
  get watched(): Watched | undefined {
    if (!this.#shown || this.#facts.state.value.name !== 'live') return undefined;
    const { leg, receiver } = this.#shown;
    return { path: receiver.path, conversation: leg.conversation, udpOffered: leg.udpOffered };
  }

  /** Resolves when the stream plays or is waited for; rejects if neither is possible. */
  start(): Promise<void> {
    this.#firstFrame.awaited();
    this.#facts.state.value = { name: 'connecting' };
    return new Promise((resolve, reject) => {
      void this.#watchUntilOver(resolve).then(reject);
    });
  }

  /** The state is left to the caller. */
  stop(): void {
    if (this.over) return;
    this.#run.abort();
    this.#context.onOver();
    this.#drop();
  }

  /** @see Viewer.reportFirstFrame */
  reportFirstFrame(): void {
    if (this.#shown) this.#firstFrame.report(this.#shown.leg.conversation);
  }

  /** The peer connection's statistics; undefined while there is none. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#shown?.receiver.path.getStats();
  }

  async #watchUntilOver(joined: () => void): Promise<PharosClientError> {
    let member = false;
    const reason = await persist({
      signal: this.#run.signal,
      reconnect: this.#reconnect,
      start: async (attempt) => {
        await this.#join(attempt);
        member = true;
        joined();
      },
      again: (error) => this.#again(error, member),
      stopped: () => new PharosClientError('stopped', 'Stopped.'),
    });
    if (this.over) return reason;
    this.stop();
    const end: ViewerState =
      reason instanceof StreamEnded
        ? { name: 'ended', reason: reason.reason, waiting: false }
        : { name: 'failed', error: reason };
    this.#facts.state.value = end;
    return reason;
  }

  async #join(attempt: Attempt): Promise<void> {
    const { connection, stream, key, facts, choice, mediaStream, iceTransportPolicy, onUnplayable } =
      this.#context;
    const connecting = connection.take();
    const leg = new WatchLeg(connecting.conversation, attempt, {
      ...{ parent: this, facts, choice, mediaStream, iceTransportPolicy, onUnplayable },
    });
    attempt.onEnd((reason) => this.#attemptOnEnd(leg, reason));
    await leg.join(connecting, stream, key);
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
    else this.#facts.state.value = state;
  }

  /** Whoever goes to another server sees the stream from the old one until there is a picture from the new one. */
  #attemptOnEnd(leg: WatchLeg, reason: PharosClientError): void {
    if (reason.code === 'moved' && this.#shown?.leg === leg) {
      this.#next = { name: 'reconnecting', attempt: 1, error: reason };
      leg.end = () => this.#oldServerOnEnd(leg);
      return;
    }
    leg.conversation.close();
    this.#facts.interrupted.value = false;
    leg.closeUnlessShown();
  }

  #oldServerOnEnd(leg: WatchLeg): void {
    leg.conversation.close();
    if (!this.#next || this.#shown?.leg !== leg) return;
    const next = this.#next;
    this.#next = undefined;
    if (next.name === 'waiting' || next.name === 'ended') this.#drop();
    this.#facts.state.value = next;
  }

  legOnWaiting(notice: Notice | undefined): void {
    this.#reconnect.reset();
    if (!this.#next) this.#drop();
    this.#enter({ name: 'waiting', notice });
  }

  legOnLive(): void {
    this.#firstFrame.awaited();
  }

  legOnConnected(): void {
    this.#reached = true;
    this.#reconnect.reset();
  }

  /** In one tick, so that the player never finds itself without a track. */
  legOnTracks(leg: WatchLeg, receiver: Receiver, tracks: readonly MediaStreamTrack[]): void {
    const { mediaStream, onTracks } = this.#context;
    const before = mediaStream.getTracks();
    for (const track of tracks) if (!before.includes(track)) mediaStream.addTrack(track);
    for (const track of before) if (!tracks.includes(track)) mediaStream.removeTrack(track);
    const last = this.#shown;
    this.#shown = { leg, receiver };
    if (last?.receiver !== receiver) {
      this.#next = undefined;
      if (last && last.leg !== leg) last.leg.conversation.close();
      last?.receiver.close();
      this.#facts.trouble.value = false;
    }
    onTracks();
  }

  legOnPlay(): void {
    this.#facts.state.value = { name: 'live' };
  }

  publisherOnAway(leg: WatchLeg, reason: EndReason): void {
    // It may well be on its way to where we are told to go, too.
    if (!this.#next) leg.moveIfTold();
    if (!this.#shown || this.#shown.leg === leg) this.#facts.state.value = { name: 'away', reason };
  }

  publisherOnBack(leg: WatchLeg): void {
    const { state } = this.#facts;
    if (this.#shown?.leg === leg && state.value.name === 'away') state.value = { name: 'live' };
  }

  /** Why the stream is not live. */
  streamOnNotice(notice: Notice | undefined): void {
    const state = this.#next ?? this.#facts.state.value;
    if (state.name === 'waiting' || state.name === 'ended' || state.name === 'away') {
      this.#enter({ ...state, notice });
    }
  }

  streamOnEnd(leg: WatchLeg, { reason, waiting }: EventOf<'ended'>): void {
    const old = this.#next !== undefined && this.#shown?.leg === leg;
    if (old || !waiting) {
      leg.end(endOf(reason, leg.loss));
      return;
    }
    leg.media?.close();
    leg.media = undefined;
    if (!this.#next) this.#drop();
    this.#enter({ name: 'ended', reason, waiting });
  }

  shows(receiver: Receiver | undefined): boolean {
    return this.#shown?.receiver === receiver;
  }

  /** Takes away what is on the screen. */
  #drop(): void {
    const { mediaStream, choice, onDrop } = this.#context;
    const shown = this.#shown;
    this.#shown = undefined;
    if (this.#next) shown?.leg.conversation.close();
    this.#next = undefined;
    shown?.receiver.close();
    for (const track of mediaStream.getTracks()) mediaStream.removeTrack(track);
    choice.dropped();
    onDrop();
    this.#facts.source.value = undefined;
    this.#facts.trouble.value = false;
  }
}
