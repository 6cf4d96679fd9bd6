/** A WHIP session that is made anew when it is lost, for as long as the stream goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { explained } from './explained.ts';
import { Refused } from './resource.ts';
import type { MediaKind, RtpTrack } from './rtp.ts';
import { WhipClient } from './whip-client.ts';

/** Milliseconds. */
const BACKOFF = { first: 500, most: 10_000 };

export type State =
  | { name: 'connecting' }
  | { name: 'live' }
  /** Said once, however long it takes. */
  | { name: 'waiting'; reason: string };

export type BroadcastOptions = {
  url: URL;
  token?: string | undefined;
  tracks: readonly RtpTrack[];
  signal: AbortSignal;
  onState: (state: State) => void;
};

export class Broadcast {
  /** Rejects when the server refuses it for good. */
  readonly over: Promise<never>;
  readonly #options: BroadcastOptions;
  readonly #fail: (error: unknown) => void;
  #client: WhipClient | undefined;
  #started = Date.now();
  #sent = { time: Date.now(), octets: 0 };

  constructor(options: BroadcastOptions) {
    this.#options = options;
    const { promise, reject } = Promise.withResolvers<never>();
    this.over = promise;
    this.#fail = reject;
    // Whoever starts it may be busy with something else when it comes.
    promise.catch(() => undefined);
  }

  get live(): boolean {
    return this.#client !== undefined;
  }

  /** Resolves when live. The first time there is nothing to wait for: what goes wrong is told at once. */
  async start(): Promise<void> {
    this.#options.onState({ name: 'connecting' });
    await this.#connect().catch((error: unknown) => {
      throw explained(error, this.#options.url);
    });
    this.#started = Date.now();
  }

  send(kind: MediaKind, packet: Buffer): void {
    this.#client?.send(kind, packet);
  }

  /** Since when it is live, and the bitrate since this was asked last. */
  progress(): { seconds: number; kilobits: number } {
    const now = Date.now();
    const octets = this.#client?.stats().octets ?? 0;
    // A new connection counts from zero.
    const grown = Math.max(0, octets - this.#sent.octets);
    const kilobits = Math.round((grown * 8) / Math.max(1, now - this.#sent.time));
    this.#sent = { time: now, octets };
    return { seconds: Math.floor((now - this.#started) / 1000), kilobits };
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close();
  }

  async #connect(): Promise<void> {
    const { url, token, tracks, signal, onState } = this.#options;
    const client = new WhipClient({
      url,
      token,
      tracks,
      signal,
      onLost: (reason) => void this.#clientOnLost(client, reason),
    });
    await client.connect();
    if (signal.aborted) return client.close();
    this.#client = client;
    onState({ name: 'live' });
  }

  async #clientOnLost(client: WhipClient, reason: string): Promise<void> {
    const { signal, onState } = this.#options;
    if (this.#client !== client) return;
    this.#client = undefined;
    onState({ name: 'waiting', reason: `The connection is lost (${reason})` });
    await client.close();
    try {
      await this.#again();
    } catch (error) {
      if (!signal.aborted) this.#fail(explained(error, this.#options.url));
    }
  }

  async #again(): Promise<void> {
    const { signal } = this.#options;
    for (let delay = BACKOFF.first; ; delay = Math.min(delay * 2, BACKOFF.most)) {
      await sleep(delay, undefined, { signal });
      try {
        return await this.#connect();
      } catch (error) {
        if (signal.aborted || !mayPass(error)) throw error;
        if (error instanceof Refused && error.retryAfter) delay = Math.max(delay, error.retryAfter * 1000);
      }
    }
  }
}

/** 409: the server still has the session that was lost. */
function mayPass(error: unknown): boolean {
  return !(error instanceof Refused) || [408, 409, 429].includes(error.status) || error.status >= 500;
}
