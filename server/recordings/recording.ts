import { EventEmitter } from 'node:events';
import { basename } from 'node:path';
import type { PartResult } from '../../workers/ffmpeg/record/part.ts';
import { Recorder } from '../../workers/ffmpeg/record/recorder.ts';
import type { Logger } from '../base/logger.ts';
import type { Publisher } from '../streams/publisher.ts';
import { type Absence, type Metadata, newPart, type Part } from './metadata.ts';
import { liveName, type RecordingId, startName } from './names.ts';
import type { Store } from './store.ts';

type Options = { store: Store; publisher: Publisher; logger: Logger };

export type RecordingEvents = {
  /** A part has been begun, or has its last byte. */
  part: [Metadata];
  /** Its ffmpeg ended by itself and is replaced; it goes on in another part. */
  restarted: [];
  /** It cannot go on: why, in a few words. Whoever owns it stops it. */
  failed: [reason: string];
};

/** An ffmpeg that dies again and again does so for a reason that another one does not mend. */
const RESTARTS = { most: 5, withinMs: 60_000 };

/** A recording that runs: a Recorder, and the `.json` that tells of what it writes. */
export class Recording extends EventEmitter<RecordingEvents> {
  readonly id: RecordingId;
  readonly startedAt: number;
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #restarts: number[] = [];
  /** Times without a publisher, in ms since 1970; the last one may still last. */
  readonly #away: { from: number; to: number }[] = [];
  #recorder: Recorder | undefined;
  #parts = 0;
  /** Changes of the `.json`, one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  #stopping: Promise<Metadata | undefined> | undefined;

  private constructor({ store, logger }: Options, id: RecordingId, startedAt: number) {
    super();
    this.id = id;
    this.startedAt = startedAt;
    this.#store = store;
    this.#logger = logger;
  }

  /** @throws Error of the file system; nothing is left behind then. */
  static async begin(options: Options): Promise<Recording> {
    const { store, publisher, logger } = options;
    const { start } = await store.begin(publisher.streamId, Date.now());
    const startedAt = Date.parse(start);
    const id = { stream: publisher.streamId, start: startName(startedAt) };
    const recording = new Recording(options, id, startedAt);
    try {
      const recorder = await Recorder.create({
        file: (format) => recording.#nextFile(format),
        router: publisher.home.router,
        producers: publisher.producers,
        logger,
      });
      recording.#watch(recorder);
      return recording;
    } catch (error) {
      await discard(store, id);
      throw error;
    }
  }

  /** How many files it has so far. */
  get parts(): number {
    return this.#parts;
  }

  /** The publisher is back. */
  async attach(publisher: Publisher): Promise<void> {
    this.#back();
    await this.#recorder?.attach(publisher.home.router, publisher.producers);
  }

  /** The publisher is gone, for a while or for good; time goes on. */
  detach(): void {
    this.#recorder?.detach();
    if (this.#away.at(-1)?.to !== Number.POSITIVE_INFINITY) {
      this.#away.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
    }
  }

  /** Ends it; resolves with what is to be finished, or undefined if nothing was ever recorded. Idempotent. */
  stop(reason: string): Promise<Metadata | undefined> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async #stop(reason: string): Promise<Metadata | undefined> {
    this.#back();
    const result = await this.#recorder?.stop();
    if (result) this.#note(result);
    await this.#work;
    if (this.#parts === 0) {
      await discard(this.#store, this.id);
      return undefined;
    }
    return this.#store.update(this.id, (metadata) => ({
      ...metadata,
      state: 'finishing',
      end: new Date().toISOString(),
      endReason: reason,
    }));
  }

  #watch(recorder: Recorder): void {
    this.#recorder = recorder;
    recorder.on('started', (file) => this.#recorderOnStarted(file));
    recorder.on('split', (reason) => {
      this.#logger.info({ streamId: this.id.stream, reason }, 'recording goes on in another part');
      void this.#next(recorder);
    });
    recorder.on('ended', (result) => this.#recorderOnEnded(recorder, result));
  }

  #nextFile(format: 'webm' | 'mp4'): string {
    this.#parts += 1;
    return this.#store.path(this.id, liveName(this.id.start, this.#parts, format));
  }

  #recorderOnStarted(file: string): void {
    const part = newPart({ start: new Date().toISOString(), live: basename(file), kinds: [] });
    this.#change((metadata) => ({ ...metadata, parts: [...metadata.parts, part] }));
  }

  #recorderOnEnded(recorder: Recorder, result: PartResult): void {
    this.#note(result);
    if (result.end === 'disk_full') {
      this.emit('failed', 'the disk is full');
      return;
    }
    const now = performance.now();
    this.#restarts.push(now);
    if (this.#restarts.filter((time) => now - time < RESTARTS.withinMs).length > RESTARTS.most) {
      this.emit('failed', 'ffmpeg ended again and again');
      return;
    }
    this.emit('restarted');
    void this.#next(recorder);
  }

  async #next(recorder: Recorder): Promise<void> {
    const result = await recorder.next((format) => this.#nextFile(format));
    if (result) this.#note(result);
  }

  #note(result: PartResult): void {
    const live = basename(result.file);
    this.#change((metadata) => ({
      ...metadata,
      parts: metadata.parts.map((part) => (part.live === live ? { ...part, ...this.#known(result) } : part)),
    }));
  }

  #known(result: PartResult): Partial<Part> {
    const { audio, video, startedAt, endedAt, duration, bytes } = result;
    return {
      start: new Date(startedAt).toISOString(),
      kinds: [...(audio ? (['audio'] as const) : []), ...(video ? (['video'] as const) : [])],
      expected: duration / 1000,
      absences: [
        ...this.#absences(startedAt, endedAt),
        ...(audio?.pauses ?? []).map((pause) => absence('audio', pause)),
        ...(video?.pauses ?? []).map((pause) => absence('video', pause)),
      ],
      lostPackets: (audio?.lost ?? 0) + (video?.lost ?? 0),
      receivedPackets: (audio?.frames ?? 0) + Math.max(video?.frames ?? 0, Math.round(bytes / PACKET_BYTES)),
      bytes,
      // Its last moments are lost, as after a crash of ours.
      recovered: result.end !== 'finished',
    };
  }

  #absences(from: number, to: number): Absence[] {
    return this.#away
      .filter((each) => each.from < to && each.to > from)
      .map((each) =>
        absence('both', { from: Math.max(0, each.from - from), to: Math.min(each.to, to) - from }),
      );
  }

  #back(): void {
    const last = this.#away.at(-1);
    if (last) last.to = Math.min(last.to, Date.now());
  }

  #change(change: (metadata: Metadata) => Metadata): void {
    this.#work = this.#work.then(async () => {
      try {
        this.emit('part', await this.#store.update(this.id, change));
      } catch (error) {
        // The files are there nevertheless; what is missing here is found in them at the end.
        this.#logger.error(
          { streamId: this.id.stream, err: error },
          "a recording's .json could not be written",
        );
      }
    });
  }
}

/** One in which nothing was recorded. */
async function discard(store: Store, id: RecordingId): Promise<void> {
  await store.update(id, (metadata) => ({ ...metadata, state: 'done' }));
  await store.delete(id);
}

/** About what a packet of video holds. */
const PACKET_BYTES = 1100;

function absence(kind: Absence['kind'], { from, to }: { from: number; to: number }): Absence {
  return { kind, from: from / 1000, to: to / 1000 };
}
