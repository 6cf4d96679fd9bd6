import { createHash } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import { hasKeyFrames, nextKeyFrame } from '../../workers/ffmpeg/key-frame.ts';
import { still } from '../../workers/ffmpeg/still.ts';
import type { Logger } from '../base/logger.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { Publisher } from '../streams/publisher.ts';
import type { Registry } from '../streams/registry.ts';
import { Turns } from './turns.ts';

/** What a stream looked like a short while ago. */
export type Poster = {
  readonly jpeg: Buffer;
  readonly etag: string;
  /** In ms since 1970. */
  readonly madeAt: number;
};

/** What a stream has had of it. */
type Entry = {
  poster: Poster | undefined;
  /** The one that is being made, for all who ask meanwhile. */
  making: Promise<void> | undefined;
  /** When the last one was begun, whatever came of it. */
  triedAt: number;
  /** By what the stream was published then: another's is another stream. */
  grant: string;
  /** Since when the stream is not live. */
  offlineAt: number | undefined;
};

type Options = {
  config: Config;
  logger: Logger;
  registry: Registry;
  /** Whether the server has no time for more. */
  isOverloaded: () => boolean;
};

/** Encoders that heed no request send a key frame every ten seconds or so. */
const KEY_FRAME_DEADLINE_MS = 12_000;
const DECODE_DEADLINE_MS = 5000;
/** How long one who asks is let wait; what comes later is for the next. */
const PATIENCE_MS = 4000;
/** ffmpegs. */
const AT_ONCE = 2;
const WAITING = 32;
/** After the end of its stream. */
const KEPT_MS = 5 * 60_000;
const SWEEP_MS = 30_000;
/** Of what is kept, all together. A poster is about 30 kB. */
const MOST = { posters: 1000, bytes: 32 << 20 };

/**
 * Thumbnails of live streams: made when somebody asks, from a key frame that the publisher is asked for,
 * once an interval at most. Whoever asks is no viewer: neither counted, nor a reason to pipe the stream or
 * to start a camera.
 */
export class Posters {
  readonly #options: Options;
  readonly #intervalMs: number;
  /** Those that were last asked for come last. */
  readonly #entries = new Map<string, Entry>();
  readonly #turns = new Turns({ atOnce: AT_ONCE, waiting: WAITING });
  readonly #sweep: NodeJS.Timeout;
  readonly #closing = new AbortController();

  constructor(options: Options) {
    this.#options = options;
    this.#intervalMs = options.config.posters.interval * 1000;
    options.registry.on('live', this.#registryOnLive);
    options.registry.on('offline', this.#registryOnOffline);
    this.#sweep = setInterval(() => this.#dropOld(performance.now()), SWEEP_MS).unref();
  }

  /** The stream's poster, a new one if it is time; undefined if there is none. */
  async get(streamId: string): Promise<Poster | undefined> {
    const { config, registry } = this.#options;
    if (!config.posters.enabled || this.#closing.signal.aborted) return undefined;
    const publisher = registry.publisherOf(streamId);
    if (publisher?.live) await atMost(PATIENCE_MS, this.#renew(streamId, publisher));
    return this.#entries.get(streamId)?.poster;
  }

  close(): void {
    this.#closing.abort(new Error('the server is shutting down'));
    clearInterval(this.#sweep);
    this.#options.registry.off('live', this.#registryOnLive);
    this.#options.registry.off('offline', this.#registryOnOffline);
    this.#entries.clear();
  }

  readonly #registryOnLive = ({ streamId, grant }: Publisher): void => {
    const entry = this.#entries.get(streamId);
    if (!entry) return;
    entry.offlineAt = undefined;
    if (entry.grant !== grant) this.#entries.delete(streamId);
  };

  readonly #registryOnOffline = (streamId: string, reason: EndReason): void => {
    const entry = this.#entries.get(streamId);
    if (!entry) return;
    entry.offlineAt = performance.now();
    // Whoever ended it may not want it to be seen any more.
    if (reason === 'removed' || reason === 'not_allowed') this.#entries.delete(streamId);
  };

  /** Waits for the one that is being made, or makes one if the last is old enough. */
  async #renew(streamId: string, publisher: Publisher): Promise<void> {
    const now = performance.now();
    const known = this.#entries.get(streamId);
    if (known?.making) return known.making;
    if (known && now - known.triedAt < this.#intervalMs) return;
    const producer = publisher.producers.find(hasKeyFrames);
    if (!producer || this.#isBusy(publisher)) return;
    const entry = known ?? {
      ...{ poster: undefined, making: undefined, triedAt: now, offlineAt: undefined },
      grant: publisher.grant,
    };
    entry.triedAt = now;
    entry.making = this.#make(streamId, entry, publisher, producer).finally(() => {
      entry.making = undefined;
    });
    // Anew: in the order in which they were asked for.
    this.#entries.delete(streamId);
    this.#entries.set(streamId, entry);
    return entry.making;
  }

  /** Streams and joins come first. */
  #isBusy({ home }: Publisher): boolean {
    const { config, isOverloaded } = this.#options;
    return isOverloaded() || home.load.value >= config.limits.maxLoad;
  }

  async #make(
    streamId: string,
    entry: Entry,
    { home }: Publisher,
    producer: Publisher['producers'][number],
  ): Promise<void> {
    const startedAt = performance.now();
    const { logger } = this.#options;
    try {
      const signal = this.#within(KEY_FRAME_DEADLINE_MS);
      const frame = await nextKeyFrame({ router: home.router, producer, signal });
      const framedAt = performance.now();
      const jpeg = await this.#turns.take(() => still(frame, this.#within(DECODE_DEADLINE_MS)));
      if (!jpeg) throw new Error('too many are being made');
      const etag = `"${createHash('sha256').update(jpeg).digest('base64url').slice(0, 22)}"`;
      // The stream may have been taken away meanwhile.
      if (this.#entries.get(streamId) !== entry) return;
      entry.poster = { jpeg, etag, madeAt: Date.now() };
      this.#dropMost();
      const ms = {
        waited: Math.round(framedAt - startedAt),
        decoded: Math.round(performance.now() - framedAt),
      };
      logger.debug({ streamId, bytes: jpeg.length, ms }, 'poster made');
    } catch (error) {
      logger.debug({ streamId, error: String(error) }, 'no poster');
    }
  }

  #within(ms: number): AbortSignal {
    return AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ms)]);
  }

  #dropOld(now: number): void {
    for (const [streamId, { offlineAt }] of this.#entries) {
      if (offlineAt !== undefined && now - offlineAt >= KEPT_MS) this.#entries.delete(streamId);
    }
  }

  /** The one nobody has asked for the longest goes first. */
  #dropMost(): void {
    let bytes = 0;
    for (const { poster } of this.#entries.values()) bytes += poster?.jpeg.length ?? 0;
    for (const [streamId, { poster, making }] of this.#entries) {
      if (this.#entries.size <= MOST.posters && bytes <= MOST.bytes) return;
      if (making) continue;
      bytes -= poster?.jpeg.length ?? 0;
      this.#entries.delete(streamId);
    }
  }
}

/** Resolves with `work`, or after that time. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
