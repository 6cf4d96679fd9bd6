import { join } from 'node:path';
import { ConfigError } from '../../config/errors.ts';
import type { Config } from '../../config/schema.ts';
import { PharosError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { RecordingStatus } from '../protocol/recordings.ts';
import type { Publisher } from '../streams/publisher.ts';
import type { Registry } from '../streams/registry.ts';
import { Finisher, type FinishingProgress } from './finisher.ts';
import { Hooks } from './hooks.ts';
import type { Metadata, Verdict } from './metadata.ts';
import { formatRecordingId, type RecordingId } from './names.ts';
import { Recording } from './recording.ts';
import { recover } from './recover.ts';
import { applyRetention } from './retention.ts';
import { recordMode } from './rules.ts';
import { S3Storage } from './s3.ts';
import { SpaceGuard } from './space.ts';
import { Store } from './store.ts';
import { Uploader } from './upload.ts';

type Options = { config: Config; logger: Logger; registry: Registry };

const MB = 1_000_000;
const HOUR_MS = 3_600_000;

export type RecordingsSnapshot = {
  recording: number;
  finishing: number;
  verdicts: Record<Verdict, number>;
  /** How many could not begin or go on. */
  failures: number;
  /** How often an ffmpeg ended by itself and was replaced. */
  restarts: number;
  freeBytes: number | undefined;
};

/** What is recorded: which streams, when, and what becomes of the files. */
export class Recordings {
  readonly store: Store;
  readonly #config: Config['recordings'];
  readonly #logger: Logger;
  readonly #registry: Registry;
  readonly #finisher: Finisher;
  readonly #space: SpaceGuard;
  readonly #hooks: Hooks | undefined;
  readonly #uploader: Uploader | undefined;
  /** Those that run, or are about to, by their stream. */
  readonly #running = new Map<string, Promise<Recording>>();
  readonly #verdicts: Record<Verdict, number> = { ok: 0, repaired: 0, damaged: 0 };
  #failures = 0;
  #restarts = 0;
  /** How long a recording waits for its publisher to come back. */
  readonly #graceMs: number;
  readonly #grace = new Map<string, NodeJS.Timeout>();
  readonly #retention: NodeJS.Timeout;
  readonly #onLive = (publisher: Publisher) => void this.#registryOnLive(publisher);
  readonly #onOffline = (stream: string, reason: EndReason) => void this.#registryOnOffline(stream, reason);
  #closed = false;

  private constructor({ config, logger, registry }: Options, store: Store, uploader: Uploader | undefined) {
    const { recordings } = config;
    this.store = store;
    this.#config = recordings;
    this.#graceMs = config.limits.publisherGrace * 1000;
    this.#logger = logger;
    this.#registry = registry;
    this.#finisher = new Finisher({
      store,
      logger,
      format: recordings.format,
      upload: uploader !== undefined,
    });
    this.#space = new SpaceGuard({ folder: store.root, minFree: recordings.minFree * MB });
    this.#hooks = recordings.hook.url ? new Hooks({ ...recordings.hook, logger }) : undefined;
    this.#uploader = uploader;
    this.#retention = setInterval(() => void this.#retain(), HOUR_MS);
  }

  /** Also takes up what an earlier run of the server has left unfinished. @throws ConfigError if the folder cannot be used. */
  static async create(options: Options): Promise<Recordings> {
    const { config, logger } = options;
    const folder = config.recordings.directory || join(config.dataDirectory, 'recordings');
    const store = await Store.create(folder).catch((error: unknown) => {
      throw new ConfigError(`recordings.directory: ${folder} cannot be used: ${String(error)}`, {
        cause: error,
      });
    });
    const { s3 } = config.recordings;
    const uploader = s3.bucket ? await uploaderFor(s3, store, logger) : undefined;
    const recordings = new Recordings(options, store, uploader);
    recordings.#listen();
    await recover({ store, finisher: recordings.#finisher, logger });
    await recordings.#space.check();
    void recordings.#uploader?.resume();
    void recordings.#retain();
    return recordings;
  }

  /** What is recorded of a stream, now and in general. */
  async status(stream: string): Promise<RecordingStatus> {
    const recording = await this.#running.get(stream)?.catch(() => undefined);
    const mode = recordMode(this.#config.record, stream);
    if (!recording) return { mode, recording: null };
    const files = await this.store.files(recording.id);
    return {
      mode,
      recording: {
        id: formatRecordingId(recording.id),
        start: new Date(recording.startedAt).toISOString(),
        seconds: (Date.now() - recording.startedAt) / 1000,
        bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
        parts: recording.parts,
      },
    };
  }

  /** Whether it is recorded now, or about to be. */
  isRunning(stream: string): boolean {
    return this.#running.has(stream);
  }

  /**
   * Begins to record a stream that is live; one that is recorded already goes on.
   * @throws PharosError `stream_not_found` if it is not live, `not_allowed` by configuration, `disk_full`.
   */
  async start(stream: string): Promise<RecordingStatus> {
    if (recordMode(this.#config.record, stream) === 'off') {
      throw new PharosError('not_allowed', 'this stream is not to be recorded (recordings.record)');
    }
    const publisher = this.#registry.publisherOf(stream);
    if (!publisher?.live) throw new PharosError('stream_not_found', 'this stream is not live');
    await this.#begin(publisher);
    return this.status(stream);
  }

  /** Ends the recording that runs, which is then finished. @throws PharosError `stream_not_found` if none runs. */
  async stop(stream: string, reason = 'stopped'): Promise<void> {
    const running = this.#running.get(stream);
    if (!running) throw new PharosError('stream_not_found', 'this stream is not being recorded');
    await this.#end(stream, running, reason);
  }

  /** Figures for health and metrics. */
  snapshot(): RecordingsSnapshot {
    return {
      recording: this.#running.size,
      finishing: this.#finisher.waiting,
      verdicts: { ...this.#verdicts },
      failures: this.#failures,
      restarts: this.#restarts,
      freeBytes: this.#space.free,
    };
  }

  progress(id: RecordingId): FinishingProgress | undefined {
    return this.#finisher.progress(id);
  }

  /** @throws PharosError `stream_not_found`, `wrong_order` while it is recorded or finished. */
  async delete(id: RecordingId): Promise<void> {
    await this.store.delete(id);
    this.#logger.info({ recording: formatRecordingId(id) }, 'recording deleted');
  }

  /** Ends all that runs, begins no more, and resolves when each has its verdict. */
  async finish(): Promise<void> {
    await this.#endAll();
    await this.#finisher.idle();
  }

  /** Ends all that runs. What is not finished by then, the next start finishes. */
  async close(): Promise<void> {
    await this.#endAll();
    await Promise.all([this.#finisher.close(), this.#uploader?.close()]);
    this.#hooks?.close();
  }

  async #endAll(): Promise<void> {
    this.#closed = true;
    this.#registry.off('live', this.#onLive);
    this.#registry.off('offline', this.#onOffline);
    clearInterval(this.#retention);
    this.#space.close();
    await Promise.all(
      [...this.#running].map(([stream, running]) => this.#end(stream, running, 'the server was shut down')),
    );
  }

  #listen(): void {
    this.#registry.on('live', this.#onLive);
    this.#registry.on('offline', this.#onOffline);
    this.#space.on('change', (state, free) => this.#spaceOnChange(state, free));
    this.#finisher.on('part', (id, _part, metadata) => this.#hooks?.send('recording.part', id, metadata));
    this.#finisher.on('finished', (id, metadata) => this.#finisherOnFinished(id, metadata));
  }

  async #registryOnLive(publisher: Publisher): Promise<void> {
    const { streamId } = publisher;
    clearTimeout(this.#grace.get(streamId));
    this.#grace.delete(streamId);
    try {
      const recording = await this.#running.get(streamId);
      if (recording) await recording.attach(publisher);
      else if (recordMode(this.#config.record, streamId) === 'always') await this.#begin(publisher);
    } catch (error) {
      this.#failed(publisher, error);
    }
  }

  async #registryOnOffline(stream: string, reason: EndReason): Promise<void> {
    const running = this.#running.get(stream);
    const recording = await running?.catch(() => undefined);
    // It may be live again by now.
    if (!running || !recording || this.#registry.publisherOf(stream)?.live) return;
    recording.detach();
    if (reason === 'stopped') {
      await this.#end(stream, running, 'the stream ended');
      return;
    }
    clearTimeout(this.#grace.get(stream));
    this.#grace.set(
      stream,
      setTimeout(() => void this.#end(stream, running, 'the publisher did not come back'), this.#graceMs),
    );
  }

  async #begin(publisher: Publisher): Promise<Recording> {
    const { streamId } = publisher;
    const known = this.#running.get(streamId);
    if (known) return known;
    if (this.#closed) throw new PharosError('server_closing', 'the server is shutting down');
    const running = this.#create(publisher);
    this.#running.set(streamId, running);
    try {
      return await running;
    } catch (error) {
      if (this.#running.get(streamId) === running) this.#running.delete(streamId);
      throw error;
    }
  }

  async #create(publisher: Publisher): Promise<Recording> {
    if ((await this.#space.check()) === 'low') {
      throw new PharosError(
        'disk_full',
        `there is less than ${this.#config.minFree} MB free where recordings are kept (recordings.minFree)`,
      );
    }
    const { streamId } = publisher;
    const recording = await Recording.begin({ store: this.store, publisher, logger: this.#logger });
    this.#logger.info({ streamId, recording: formatRecordingId(recording.id) }, 'recording started');
    recording.on('restarted', () => {
      this.#restarts += 1;
    });
    recording.on('failed', (reason) => {
      this.#failures += 1;
      publisher.note({ code: 'recording_failed', message: `the recording has ended: ${reason}` });
      const running = this.#running.get(streamId);
      if (running) void this.#end(streamId, running, reason);
    });
    const { metadata } = await this.store.read(recording.id);
    if (metadata) this.#hooks?.send('recording.start', recording.id, metadata);
    return recording;
  }

  async #end(stream: string, running: Promise<Recording>, reason: string): Promise<void> {
    const recording = await running.catch(() => undefined);
    if (!recording) return;
    const metadata = await recording.stop(reason).catch((error: unknown) => {
      // A full disk takes not even that it has ended; the next start finds it, and finishes it.
      this.#logger.error({ streamId: stream, err: error }, "a recording's end could not be written down");
      return undefined;
    });
    clearTimeout(this.#grace.get(stream));
    this.#grace.delete(stream);
    if (this.#running.get(stream) !== running) return;
    this.#running.delete(stream);
    this.#logger.info(
      { streamId: stream, recording: formatRecordingId(recording.id), reason, parts: recording.parts },
      'recording ended',
    );
    if (metadata) void this.#finisher.add(recording.id);
  }

  #finisherOnFinished(id: RecordingId, metadata: Metadata): void {
    if (metadata.verdict) this.#verdicts[metadata.verdict] += 1;
    this.#hooks?.send('recording.finish', id, metadata);
    if (metadata.upload.state === 'waiting') this.#uploader?.add(id);
    void this.#retain();
  }

  #spaceOnChange(state: 'enough' | 'low', free: number): void {
    if (state === 'enough') return;
    const freeMb = Math.round(free / MB);
    this.#logger.error({ freeMb, running: this.#running.size }, 'too little space for recordings');
    this.#failures += this.#running.size;
    for (const [stream, running] of this.#running) {
      this.#registry.publisherOf(stream)?.note({
        code: 'recording_space',
        message: `the recording was ended: the server's disk has only ${freeMb} MB left`,
      });
      void this.#end(stream, running, 'too little space was left');
    }
  }

  #failed(publisher: Publisher, error: unknown): void {
    this.#failures += 1;
    const message = error instanceof PharosError ? error.message : 'something went wrong on the server';
    this.#logger.error({ streamId: publisher.streamId, err: error }, 'stream is not recorded');
    publisher.note({ code: 'recording_failed', message: `this stream is not recorded: ${message}` });
  }

  async #retain(): Promise<void> {
    const { maxAge, maxTotalSize } = this.#config;
    const rule = { maxAgeMs: maxAge * HOUR_MS, maxTotalBytes: maxTotalSize * MB };
    await applyRetention({ store: this.store, logger: this.#logger }, rule, Date.now()).catch((error) =>
      this.#logger.error({ err: error }, 'old recordings could not be deleted'),
    );
  }
}

async function uploaderFor(s3: Config['recordings']['s3'], store: Store, logger: Logger): Promise<Uploader> {
  const { prefix, deleteLocal } = s3;
  return new Uploader({ store, storage: await S3Storage.create(s3), logger, prefix, deleteLocal });
}
