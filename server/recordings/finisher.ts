/**
 * Finishes recordings, one after the other: a machine that records has better things to do than
 * several of these at once. What is to be done stands in the `.json`, what is done goes there.
 */
import { EventEmitter } from 'node:events';
import { thumbnail } from '../../workers/ffmpeg/thumbnail.ts';
import type { Logger } from '../base/logger.ts';
import { moveWhole, reasonOf } from './files.ts';
import { finishPart, type Progress } from './finish.ts';
import { type Metadata, overall, type Part } from './metadata.ts';
import { formatRecordingId, type RecordingId, temporaryName, thumbnailName } from './names.ts';
import type { Store } from './store.ts';
import { lost } from './verdict.ts';

export type FinisherOptions = {
  store: Store;
  logger: Logger;
  format: 'native' | 'mp4';
  /** Whether those that are verified are to be uploaded. */
  upload?: boolean;
};

/** How far a recording is; waiting for its turn while `phase` is undefined. `fraction` is of all its parts. */
export type FinishingProgress = { part: number; parts: number; phase?: Progress['phase']; fraction: number };

export type FinisherEvents = {
  progress: [RecordingId, FinishingProgress];
  /** A part has its verdict. */
  part: [RecordingId, Part, Metadata];
  /** All have. */
  finished: [RecordingId, Metadata];
};

/** How much of the time is gone when a phase begins, and how much it takes. */
const PHASES = { copying: [0, 0.25], verifying: [0.25, 0.7], hashing: [0.95, 0.05] } as const;
const PROGRESS_STEP = 0.01;

export class Finisher extends EventEmitter<FinisherEvents> {
  readonly #options: FinisherOptions;
  readonly #abort = new AbortController();
  readonly #progress = new Map<string, FinishingProgress>();
  #work: Promise<void> = Promise.resolve();

  constructor(options: FinisherOptions) {
    super();
    this.#options = options;
  }

  /**
   * Puts it at the end of the queue; once is enough. Its `.json` says `finishing` and has no more
   * parts to come. Resolves when it is finished, or will not be any more; never rejects.
   */
  add(id: RecordingId): Promise<void> {
    const key = formatRecordingId(id);
    if (this.#abort.signal.aborted || this.#progress.has(key)) return this.#work;
    this.#progress.set(key, { part: 1, parts: 1, fraction: 0 });
    this.#work = this.#work.then(() => this.#finish(id)).finally(() => this.#progress.delete(key));
    return this.#work;
  }

  /** undefined if it is not in the queue. */
  progress(id: RecordingId): FinishingProgress | undefined {
    return this.#progress.get(formatRecordingId(id));
  }

  /** How many are in the queue. */
  get waiting(): number {
    return this.#progress.size;
  }

  /** Resolves when nothing is in the queue. */
  async idle(): Promise<void> {
    while (this.#progress.size > 0) await this.#work;
  }

  /** Breaks off what runs; the next start takes it up again. */
  async close(): Promise<void> {
    this.#abort.abort(new Error('the server is closing'));
    await this.#work;
  }

  async #finish(id: RecordingId): Promise<void> {
    const { store, logger, upload = false } = this.#options;
    const { signal } = this.#abort;
    if (signal.aborted) return;
    const begun = performance.now();
    const recording = formatRecordingId(id);
    try {
      const done = await this.#parts(id);
      await this.#thumbnail(id, done);
      const metadata = await store.update(id, (current) => conclude(current, upload));
      const { verdict, why } = metadata;
      const fields = {
        recording,
        verdict,
        ...(why && { why }),
        tookMs: Math.round(performance.now() - begun),
      };
      logger[verdict === 'damaged' ? 'warn' : 'info'](fields, 'recording finished');
      this.emit('finished', id, metadata);
    } catch (error) {
      if (signal.aborted) return;
      // Its .json is gone, or cannot be written: the next start tries again.
      logger.error({ recording, err: error }, 'recording could not be finished');
    }
  }

  async #parts(id: RecordingId): Promise<Metadata> {
    const { store, format } = this.#options;
    const { signal } = this.#abort;
    let { metadata } = await store.find(id);
    const count = metadata?.parts.length ?? 0;
    for (let index = 0; index < count; index += 1) {
      const part = metadata?.parts[index];
      if (part === undefined || part.verdict !== null) continue;
      const onProgress = this.#reporter(id, index, count);
      const folder = store.folder(id);
      const done = await finishPart({ folder, part, format, signal, onProgress }).catch((error: unknown) => {
        signal.throwIfAborted();
        return { ...part, ...lost(`it could not be finished: ${reasonOf(error)}`) };
      });
      metadata = await store.update(id, (current) => withPart(current, index, done));
      this.emit('part', id, done, metadata);
    }
    if (metadata === undefined) throw new Error('its .json cannot be used');
    return metadata;
  }

  /** Not more often than it makes a difference to see. */
  #reporter(id: RecordingId, index: number, parts: number): (progress: Progress) => void {
    const key = formatRecordingId(id);
    let shown = -1;
    return ({ phase, fraction }) => {
      const [from, share] = PHASES[phase];
      const total = (index + from + share * fraction) / parts;
      if (total - shown < PROGRESS_STEP) return;
      shown = total;
      const progress = { part: index + 1, parts, phase, fraction: total };
      this.#progress.set(key, progress);
      this.emit('progress', id, progress);
    };
  }

  /** Of the first part that has a picture. That there is none is no fault. */
  async #thumbnail(id: RecordingId, { parts }: Metadata): Promise<void> {
    const { store, logger } = this.#options;
    const file = parts.find((part) => part.file !== null && part.width !== null)?.file;
    if (file === undefined || file === null) return;
    const name = thumbnailName(id.start);
    const temporary = store.path(id, temporaryName(name));
    try {
      const made = await thumbnail(store.path(id, file), temporary, this.#abort.signal);
      if (made) await moveWhole(temporary, store.path(id, name));
    } catch (error) {
      this.#abort.signal.throwIfAborted();
      logger.warn({ recording: formatRecordingId(id), err: error }, 'no thumbnail');
    }
  }
}

function withPart(metadata: Metadata, index: number, part: Part): Metadata {
  return { ...metadata, parts: metadata.parts.map((entry, other) => (other === index ? part : entry)) };
}

function conclude(metadata: Metadata, withUpload: boolean): Metadata {
  const last = metadata.parts.at(-1);
  const end = last
    ? new Date(Date.parse(last.start) + (last.duration ?? 0) * 1000).toISOString()
    : metadata.start;
  const judged = overall(metadata.parts);
  // With its verdict, so that no crash comes in between.
  const isToUpload = withUpload && judged.verdict !== 'damaged';
  const upload = isToUpload ? { ...metadata.upload, state: 'waiting' as const } : metadata.upload;
  return { ...metadata, state: 'done', end: metadata.end ?? end, ...judged, upload };
}
