import type { types } from 'mediasoup-client';
import type { DtlsParameters } from '../../server/protocol/messages.ts';
import { PharosClientError, toClientError } from './errors.ts';
import type { SignalClient } from './signal-client.ts';

/** A path that takes longer than this to come up deserves a word to the user. */
const SLOW = 4000;

type Options = {
  transport: types.Transport;
  signaling: SignalClient;
  /** Whether media fails to get through. */
  onTrouble(trouble: boolean): void;
  onConnected(): void;
  onLost(reason: PharosClientError): void;
};

/** A mediasoup-client transport and how it is doing: what sending and receiving have in common. */
export class MediaPath {
  readonly #options: Options;
  readonly #slow: ReturnType<typeof setTimeout>;
  #reached = false;

  constructor(options: Options) {
    this.#options = options;
    this.#slow = setTimeout(() => options.onTrouble(true), SLOW);
    options.transport.on('connect', ({ dtlsParameters }, callback) => {
      this.#connect(dtlsParameters);
      // Not waiting for the answer saves a round trip before the first frame.
      callback();
    });
    options.transport.on('connectionstatechange', (state) => this.#transportOnState(state));
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

  getStats(): Promise<RTCStatsReport> {
    return this.#options.transport.getStats();
  }

  close(): void {
    clearTimeout(this.#slow);
    this.#options.transport.close();
  }

  #connect(dtlsParameters: DtlsParameters): void {
    const { signaling, transport, onLost } = this.#options;
    signaling.request('connect', { dtlsParameters }).catch((error: unknown) => {
      if (!transport.closed) onLost(toClientError(error));
    });
  }

  #transportOnState(state: types.ConnectionState): void {
    if (state === 'connected') {
      clearTimeout(this.#slow);
      this.#reached = true;
      this.#options.onTrouble(false);
      this.#options.onConnected();
    } else if (state === 'disconnected') {
      this.#options.onTrouble(true);
    } else if (state === 'failed') {
      this.#options.onLost(this.loss);
    }
  }
}
