import { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';
import {
  connectTransport,
  createProbeTransport,
  type SctpParameters,
  sctpParameters,
  transportParameters,
} from '../../workers/media/transports.ts';
import { PharosError } from '../base/errors.ts';
import type { Slots } from '../base/slots.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { DtlsParameters, TransportParameters } from '../protocol/messages.ts';
import { mostBitrate } from './bitrates.ts';
import type { Held, StreamContext } from './context.ts';

/** It is over after this, in ms, whatever comes of it. */
export const PROBE_MS = 15_000;
/** Probes at the same time, whoever's: each may bring as much as a publisher. */
export const MOST_PROBES = 20;
const LOOK_MS = 500;
/** Looks in a row above the limit: what was queued on the way may come in one go. */
const LOOKS_ABOVE = 2;

export type ProbeEvents = {
  /** It is over, but not by its owner. */
  ended: [EndReason];
};

type ProbeOptions = Pick<Held, 'limits' | 'onGrantEnd'> & {
  context: Pick<StreamContext, 'config' | 'pool'>;
  places: Slots;
  /** How long it may last, in ms. */
  lifetime?: number;
};

/**
 * A media path by which somebody finds out whether, and how well, media would get through: what comes on it
 * is counted and thrown away. For a short time, and within what a publisher may send.
 */
export class Probe extends EventEmitter<ProbeEvents> {
  /** In bit/s: with more it is ended. */
  readonly bitrate: number;
  readonly #transport: types.WebRtcTransport;
  readonly #places: Slots;
  readonly #over: NodeJS.Timeout;
  readonly #look: NodeJS.Timeout;
  readonly #onGrantEnd: Held['onGrantEnd'];
  #dropGrant: (() => void) | undefined;
  #bytes = 0;
  #lookedAt = performance.now();
  #above = 0;
  #connected = false;
  #closed = false;

  private constructor(
    transport: types.WebRtcTransport,
    { limits, onGrantEnd, context, places, lifetime = PROBE_MS }: ProbeOptions,
  ) {
    super();
    this.bitrate = mostBitrate(context.config, limits);
    this.#transport = transport;
    this.#places = places;
    this.#over = setTimeout(() => this.#end('over_limit'), lifetime);
    this.#look = setInterval(() => void this.#count(), LOOK_MS);
    this.#onGrantEnd = onGrantEnd;
    transport.once('routerclose', () => this.#end('worker_failed'));
  }

  /** @throws PharosError `unavailable` while no media worker is alive, `server_full` while there is no room. */
  static async create(options: ProbeOptions): Promise<Probe> {
    const { config, pool } = options.context;
    // Where a publisher would go.
    const worker = pool.pick();
    if (!worker)
      throw new PharosError('unavailable', 'no media worker is running; try again in a few seconds');
    if (worker.load.value >= config.limits.maxLoad || !options.places.take()) {
      throw new PharosError('server_full', 'the server is as busy as it may be; try again in a while');
    }
    try {
      return new Probe(await createProbeTransport(worker, config.media), options);
    } catch (error) {
      options.places.give();
      throw error;
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  get transportParameters(): TransportParameters {
    return transportParameters(this.#transport);
  }

  get sctpParameters(): SctpParameters {
    return sctpParameters(this.#transport);
  }

  /** From now on it ends with its grant. */
  holdGrant(): void {
    this.#dropGrant = this.#onGrantEnd(() => this.#end('not_allowed'));
  }

  /** @throws PharosError `wrong_order` if connected already, `media_failed` on unusable parameters. */
  async connect(dtlsParameters: DtlsParameters): Promise<void> {
    if (this.#connected) throw new PharosError('wrong_order', 'this transport is connected already');
    await connectTransport(this.#transport, dtlsParameters);
    this.#connected = true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#over);
    clearInterval(this.#look);
    this.#dropGrant?.();
    this.#transport.close();
    this.#places.give();
  }

  #end(reason: EndReason): void {
    if (this.#closed) return;
    this.close();
    this.emit('ended', reason);
  }

  async #count(): Promise<void> {
    const [stats] = await this.#transport.getStats().catch(() => []);
    if (!stats || this.#closed) return;
    const now = performance.now();
    const bitrate = ((stats.bytesReceived - this.#bytes) * 8000) / (now - this.#lookedAt);
    this.#bytes = stats.bytesReceived;
    this.#lookedAt = now;
    this.#above = bitrate > this.bitrate ? this.#above + 1 : 0;
    if (this.#above >= LOOKS_ABOVE) this.#end('over_limit');
  }
}
