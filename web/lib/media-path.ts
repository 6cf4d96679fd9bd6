import type { types } from 'mediasoup-client';
import type { DtlsParameters, IceServer } from '../../server/protocol/messages.ts';
import { type Conversation, PATIENCE_ON_CHECK } from './conversation.ts';
import { PharosClientError, toClientError } from './errors.ts';
import { Merged } from './merged.ts';
import type { NetworkSign } from './network.ts';

/** A path that takes longer than this to come up deserves a word to the user. */
const SLOW = 4000;
/** ICE mends a short disturbance by itself. */
const PATIENCE = 2000;
/** Another address may be there by now. */
const RESTART_EVERY = 4000;
/** More often does not help. */
const RESTART_GAP = 2000;
/**
 * A changed network is known to have a way, so that ICE has to find it soon. It may not: browsers hold the
 * old way for good until nothing came for 2.5 s, and tell the server of the new one as late again.
 */
const SOON = 1500;
const LOOK_EVERY = 150;
/**
 * Of a network that is exchanged for another, without a moment offline, no browser tells: nothing comes any
 * more, neither here nor from the server when it is asked. Looked for so often, and believed after so many looks.
 */
const STALL = { lookEvery: 500, looks: 2, patience: 700 };
/** After this long without media, though the server can be asked, the path is given up for another. */
const HOPELESS = 15_000;

type Options = {
  transport: types.Transport;
  conversation: Conversation;
  /** Whether media fails to get through. */
  onTrouble(trouble: boolean): void;
  onConnected(): void;
  onLost(reason: PharosClientError): void;
  /** Whether something should be coming in now. */
  expectsMedia(): boolean;
  /** How long an ICE restart after a stall may take until it is quicker to begin anew, in ms. */
  soonAfterStall: number;
};

/** A mediasoup-client transport and how it is doing: what sending and receiving have in common. */
export class MediaPath {
  readonly #options: Options;
  readonly #slow: ReturnType<typeof setTimeout>;
  readonly #restart = new Merged(() => this.#restartIce(), RESTART_GAP);
  readonly #offs: (() => void)[];
  readonly #stall = {
    timer: setInterval(() => void this.#lookForStall(), STALL.lookEvery),
    bytes: 0,
    looks: 0,
    at: 0,
  };
  #reached = false;
  /** The network has changed, ICE was not restarted since, and so soon something should come in again, in ms. */
  #changed: number | undefined;
  /** Present while media fails to get through that did before. */
  #mending: { restart: ReturnType<typeof setTimeout>; hopeless: ReturnType<typeof setTimeout> } | undefined;

  constructor(options: Options) {
    this.#options = options;
    const { transport, conversation } = options;
    this.#slow = setTimeout(() => options.onTrouble(true), SLOW);
    transport.on('connect', ({ dtlsParameters }, callback) => {
      this.#connect(dtlsParameters);
      // Not waiting for the answer saves a round trip before the first frame.
      callback();
    });
    transport.on('connectionstatechange', (state) => this.#transportOnState(state));
    this.#offs = [
      conversation.on('interrupted', (interrupted) => this.#conversationOnInterrupted(interrupted)),
      conversation.on('event', (event) => {
        // Of another connection; what the last one told for TURN may have expired.
        if (event.type === 'welcome') this.#renewIceServers(event.iceServers);
      }),
    ];
  }

  /** What to say when this path is gone: lost, or never there. */
  get loss(): PharosClientError {
    return this.#reached
      ? new PharosClientError('connection_lost', 'The media connection was lost.')
      : new PharosClientError(
          'media_unreachable',
          'Media cannot get through between this browser and the server. A firewall may be in the way.',
        );
  }

  /** Finds another way for the media, which goes on by the old one as long as it can. */
  restartIce(sign: NetworkSign): void {
    if (sign === 'changed') this.#changed = SOON;
    if (this.#reached) this.#restart.request();
    // Before the first time it is on its way anyhow.
    else this.#options.conversation.check();
  }

  getStats(): Promise<RTCStatsReport> {
    return this.#options.transport.getStats();
  }

  close(): void {
    clearTimeout(this.#slow);
    clearInterval(this.#stall.timer);
    this.#stopMending();
    this.#restart.close();
    for (const off of this.#offs) off();
    this.#options.transport.close();
  }

  #connect(dtlsParameters: DtlsParameters): void {
    const { conversation, transport, onLost } = this.#options;
    conversation.request('connect', { dtlsParameters }).catch((error: unknown) => {
      if (!transport.closed) onLost(toClientError(error));
    });
  }

  #transportOnState(state: types.ConnectionState): void {
    if (state === 'connected') {
      clearTimeout(this.#slow);
      this.#stopMending();
      this.#reached = true;
      // The network is there.
      this.#options.conversation.hurry();
      this.#options.onTrouble(false);
      this.#options.onConnected();
    } else if (state === 'disconnected' || state === 'failed') {
      if (this.#reached) this.#mend(state === 'failed' ? 0 : PATIENCE);
      else if (state === 'failed') this.#options.onLost(this.loss);
      this.#options.onTrouble(true);
    }
  }

  #mend(restartIn: number): void {
    const hopeless = this.#mending?.hopeless ?? setTimeout(() => this.#giveUp(), HOPELESS);
    clearTimeout(this.#mending?.restart);
    const restart = setTimeout(() => {
      this.#restart.request();
      this.#mend(RESTART_EVERY);
    }, restartIn);
    this.#mending = { restart, hopeless };
  }

  #stopMending(): void {
    clearTimeout(this.#mending?.restart);
    clearTimeout(this.#mending?.hopeless);
    this.#mending = undefined;
  }

  /** While the server cannot be asked either, its grace time decides. */
  #giveUp(): void {
    const { conversation, onLost } = this.#options;
    if (!conversation.interrupted) onLost(this.loss);
  }

  #conversationOnInterrupted(interrupted: boolean): void {
    if (interrupted || !this.#mending) return;
    // From now on it can help.
    this.#stopMending();
    this.#mend(0);
  }

  async #restartIce(): Promise<void> {
    const { conversation, transport, onLost, expectsMedia } = this.#options;
    const changed = this.#changed;
    this.#changed = undefined;
    const { iceParameters } = await conversation.request('restart_ice', {}, PATIENCE_ON_CHECK);
    if (transport.closed) return;
    await transport.restartIce({ iceParameters });
    if (!changed || (await this.#receives(changed)) || transport.closed || conversation.interrupted) return;
    if (expectsMedia() && !this.#changed) {
      onLost(new PharosClientError('session_lost', 'The media found no way through the changed network.'));
    }
  }

  async #lookForStall(): Promise<void> {
    const { conversation, expectsMedia, transport } = this.#options;
    const stall = this.#stall;
    if (!this.#reached || conversation.interrupted || !expectsMedia()) {
      stall.looks = 0;
      return;
    }
    const bytes = await this.#bytesReceived();
    // A page in the background, or on a busy machine, looks when it can: that says nothing of the network.
    const late = performance.now() - stall.at > 2 * STALL.lookEvery;
    stall.at = performance.now();
    stall.looks = late || bytes !== stall.bytes ? 0 : stall.looks + 1;
    stall.bytes = bytes;
    if (stall.looks !== STALL.looks || transport.closed) return;
    if ((await conversation.answers(STALL.patience)) || transport.closed) return;
    this.#changed = this.#options.soonAfterStall;
    this.#restart.request();
  }

  /** Whether something comes in within so many ms. */
  async #receives(milliseconds: number): Promise<boolean> {
    const until = performance.now() + milliseconds;
    const before = await this.#bytesReceived();
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
      if ((await this.#bytesReceived()) > before) return true;
    }
    return false;
  }

  /** RTP and RTCP, not what ICE itself says. */
  async #bytesReceived(): Promise<number> {
    if (this.#options.transport.closed) return 0;
    let bytes = 0;
    for (const report of (await this.getStats()).values()) {
      if (report.type === 'candidate-pair') bytes += report.bytesReceived ?? 0;
    }
    return bytes;
  }

  #renewIceServers(iceServers: IceServer[]): void {
    if (iceServers.length > 0) this.#options.transport.updateIceServers({ iceServers }).catch(() => {});
  }
}
