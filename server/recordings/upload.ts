/**
 * Uploads verified recordings, one after the other. What is to be done, and what is, stands in the
 * `.json`; local files go only when the storage has confirmed all of them.
 */
import { EventEmitter } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Logger } from '../base/logger.ts';
import { reasonOf, sha256 } from './files.ts';
import type { Metadata } from './metadata.ts';
import { formatRecordingId, metadataName, type RecordingId, thumbnailName } from './names.ts';
import type { S3Storage } from './s3.ts';
import type { Store } from './store.ts';

export type UploaderOptions = {
  store: Store;
  storage: Pick<S3Storage, 'storeFile' | 'storeText' | 'abort' | 'close'>;
  logger: Logger;
  prefix: string;
  deleteLocal: boolean;
  now?: () => number;
  /** How long to wait after each attempt that failed; then it is given up until the next start. */
  retryMs?: readonly number[];
};

export type UploaderEvents = { done: [RecordingId, Metadata]; failed: [RecordingId, string] };

const RETRY_MS = [10_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000];
const CONTENT_TYPES: Record<string, string> = {
  mp4: 'video/mp4',
  webm: 'video/webm',
  jpg: 'image/jpeg',
  json: 'application/json',
};

type Job = { id: RecordingId; attempt: number };

export class Uploader extends EventEmitter<UploaderEvents> {
  readonly #options: Required<UploaderOptions>;
  readonly #abort = new AbortController();
  /** All that is to be uploaded, also what waits to be tried again. */
  readonly #jobs = new Map<string, Job>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #work: Promise<void> = Promise.resolve();
  #current: { key: string; sent: number; total: number } | undefined;

  constructor(options: UploaderOptions) {
    super();
    this.#options = { now: Date.now, retryMs: RETRY_MS, ...options };
  }

  /** How many recordings are to be uploaded. */
  get waiting(): number {
    return this.#jobs.size;
  }

  /** From 0 to 1; undefined if it is not being uploaded just now. */
  progress(id: RecordingId): number | undefined {
    if (this.#current?.key !== formatRecordingId(id)) return undefined;
    return this.#current.sent / Math.max(1, this.#current.total);
  }

  /** A recording whose `.json` says that it waits to be uploaded. */
  add(id: RecordingId): void {
    const key = formatRecordingId(id);
    if (this.#abort.signal.aborted || this.#jobs.has(key)) return;
    const job = { id, attempt: 0 };
    this.#jobs.set(key, job);
    this.#enqueue(job);
  }

  /** What an earlier run of the server has left to do. */
  async resume(): Promise<void> {
    for (const id of await this.#options.store.ids()) {
      const { metadata } = await this.#options.store.read(id);
      if (metadata?.state !== 'done') continue;
      const { state, localDeleted } = metadata.upload;
      const isToDelete = state === 'done' && this.#options.deleteLocal && localDeleted === null;
      if (state === 'waiting' || state === 'failed' || isToDelete) this.add(id);
    }
  }

  /** Breaks off what runs; the next start goes on with it. */
  async close(): Promise<void> {
    this.#abort.abort(new Error('the server is closing'));
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#work;
    this.#options.storage.close();
  }

  #enqueue(job: Job): void {
    this.#work = this.#work.then(() => this.#attempt(job));
  }

  /** Never throws. */
  async #attempt(job: Job): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) return;
    const key = formatRecordingId(job.id);
    try {
      const metadata = await this.#upload(job.id);
      this.#jobs.delete(key);
      if (metadata) this.emit('done', job.id, metadata);
    } catch (error) {
      if (!signal.aborted) await this.#failed(job, reasonOf(error));
    } finally {
      this.#current = undefined;
    }
  }

  async #failed(job: Job, why: string): Promise<void> {
    const { logger, retryMs, store } = this.#options;
    const recording = formatRecordingId(job.id);
    const pause = retryMs[job.attempt];
    job.attempt += 1;
    if (pause !== undefined) {
      logger.warn({ recording, attempt: job.attempt, reason: why }, 'upload failed, to be tried again');
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#enqueue(job);
      }, pause);
      this.#timers.add(timer.unref());
      return;
    }
    this.#jobs.delete(recording);
    logger.error({ recording, attempt: job.attempt, reason: why }, 'upload given up until the next start');
    await store
      .update(job.id, (current) => ({ ...current, upload: { ...current.upload, state: 'failed', why } }))
      .catch(() => undefined);
    this.emit('failed', job.id, why);
  }

  /** undefined if there is nothing to upload, for example as somebody has deleted it. */
  async #upload(id: RecordingId): Promise<Metadata | undefined> {
    const { store, storage, prefix, logger, deleteLocal } = this.#options;
    const { metadata } = await store.read(id);
    if (metadata?.state !== 'done' || metadata.upload.state === 'off') return undefined;
    if (metadata.upload.unfinished) await storage.abort(metadata.upload.unfinished);
    const keyOf = (file: string) => `${prefix}${id.stream}/${file}`;
    if (metadata.upload.state !== 'done') {
      const files = await this.#filesOf(id, metadata);
      this.#current = {
        key: formatRecordingId(id),
        sent: 0,
        total: files.reduce((sum, { bytes }) => sum + bytes, 0),
      };
      for (const file of files) await this.#store(id, file, keyOf(file.name));
      const { upload: _, ...facts } = metadata;
      const name = metadataName(id.start);
      const target = { key: keyOf(name), contentType: typeOf(name) };
      await storage.storeText(target, `${JSON.stringify(facts, null, 2)}\n`, this.#abort.signal);
    }
    const done = await store.update(id, (current) => ({
      ...current,
      upload: { ...current.upload, state: 'done', why: '', unfinished: null },
    }));
    logger.info({ recording: formatRecordingId(id) }, 'recording uploaded');
    return deleteLocal ? await this.#deleteLocal(id, done) : done;
  }

  /** The media and the thumbnail, without those that are there already. */
  async #filesOf(
    id: RecordingId,
    metadata: Metadata,
  ): Promise<{ name: string; bytes: number; sha256: string | undefined }[]> {
    const known = new Map(metadata.parts.map(({ file, sha256: sum }) => [file, sum ?? undefined]));
    const stored = new Set(metadata.upload.objects.map(({ file }) => file));
    const names = [...known.keys(), thumbnailName(id.start)];
    return (await this.#options.store.files(id))
      .filter(({ name }) => names.includes(name) && !stored.has(name))
      .map(({ name, bytes }) => ({ name, bytes, sha256: known.get(name) }));
  }

  async #store(
    id: RecordingId,
    { name, bytes, sha256: known }: { name: string; bytes: number; sha256: string | undefined },
    key: string,
  ): Promise<void> {
    const { store, storage } = this.#options;
    const { signal } = this.#abort;
    const before = this.#current?.sent ?? 0;
    const file = store.path(id, name);
    await storage.storeFile({
      ...{ file, key, signal, contentType: typeOf(name) },
      sha256: known ?? (await sha256(file, signal)),
      onBegun: async (uploadId) => {
        await this.#note(id, (upload) => ({ ...upload, unfinished: { key, uploadId } }));
      },
      onProgress: (sent) => {
        if (this.#current) this.#current.sent = before + sent;
      },
    });
    await this.#note(id, (upload) => ({
      ...upload,
      unfinished: null,
      objects: [...upload.objects, { file: name, key, bytes }],
    }));
  }

  async #deleteLocal(id: RecordingId, metadata: Metadata): Promise<Metadata> {
    const { store, now } = this.#options;
    for (const { file } of metadata.parts) {
      if (file !== null) await rm(store.path(id, file), { force: true });
    }
    return await this.#note(id, (upload) => ({ ...upload, localDeleted: new Date(now()).toISOString() }));
  }

  #note(id: RecordingId, change: (upload: Metadata['upload']) => Metadata['upload']): Promise<Metadata> {
    return this.#options.store.update(id, (current) => ({ ...current, upload: change(current.upload) }));
  }
}

function typeOf(name: string): string {
  return CONTENT_TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}
