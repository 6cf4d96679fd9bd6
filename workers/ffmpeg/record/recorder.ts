import { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';
import type { Logger } from 'pino';
import type { TrackFormat } from './frames.ts';
import { Part, type PartResult, type VideoSize } from './part.ts';
import { type PlacedFrame, Source } from './source.ts';
import type { FileFormat, WriterEnd } from './writer.ts';

export type RecorderEvents = {
  /** The first frames are on their way into a new file. */
  started: [file: string];
  /** The picture's size or rotation changed, and the file goes on. */
  resolution: [VideoSize];
  /** What comes from here on does not fit into this file. It is kept until `next` names another, for a few seconds. */
  split: [SplitReason];
  /** ffmpeg ended before it was told to. Media is kept as with `split`. */
  ended: [PartResult];
  /** All tracks of the publisher have ended. `attach` goes on with another. */
  detached: [];
};

export type SplitReason = 'resolution' | 'codec' | 'tracks';

/** Where a file is to be. VP8, VP9, AV1 and sound alone are WebM, H.264 is MP4. It must not be there yet. */
export type FileName = (format: FileFormat) => string;

type RecorderOptions = {
  file: FileName;
  router: types.Router;
  /** As that router has them. */
  producers: readonly types.Producer[];
  logger: Logger;
  /** After how many milliseconds in which ffmpeg takes nothing it is killed. */
  stallTime?: number;
};

const STALL_MS = 10_000;
/** How long a file that cannot begin without a picture waits for one. */
const MAX_WAIT_MS = 3000;
/** How much is kept while no file can take it. */
const MAX_HELD_MS = 10_000;
const MAX_HELD_BYTES = 64 << 20;

/**
 * Records a stream, its publishers one after the other, into files, one after
 * the other: each as long as the container can carry what comes.
 */
export class Recorder extends EventEmitter<RecorderEvents> {
  readonly #logger: Logger;
  readonly #stallTime: number;
  readonly #timeOrigin = Date.now() - performance.now();
  #source: Source | undefined;
  /** Which file is to be begun as soon as there is something for it. */
  #target: FileName | undefined;
  #part: Part | undefined;
  /** That of an ffmpeg that died, until that is told. */
  #dead: Part | undefined;
  /** Results of files whose writing has ended. */
  #results = new WeakMap<Part, Promise<PartResult>>();
  #splitting = false;
  #held: PlacedFrame[] = [];
  /** Counts publishers, so that nothing is taken from one that is over. */
  #turn = 0;
  #closed = false;

  private constructor({ file, logger, stallTime = STALL_MS }: RecorderOptions) {
    super();
    this.#stallTime = stallTime;
    this.#target = file;
    this.#logger = logger;
  }

  /** The file begins with the first key frame, or, without video, the first packet of sound. */
  static async create(options: RecorderOptions): Promise<Recorder> {
    const recorder = new Recorder(options);
    await recorder.attach(options.router, options.producers);
    return recorder;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The file that is being written. */
  get file(): string | undefined {
    return this.#part?.file;
  }

  /** That of the ffmpeg that writes it. */
  get pid(): number | undefined {
    return this.#part?.writer.pid;
  }

  /** A publisher is there: from now on its media is recorded, and not that of the one before. */
  async attach(router: types.Router, producers: readonly types.Producer[]): Promise<void> {
    this.detach();
    const turn = this.#turn;
    const source = await Source.create({
      router,
      producers,
      listener: {
        sourceOnFrames: (frames) => this.#sourceOnFrames(turn, frames),
        sourceOnLoss: (kind, packets, frames) => this.#part?.lose(kind, packets, frames),
        sourceOnEnd: () => this.#sourceOnEnd(turn),
      },
    });
    if (this.#closed || turn !== this.#turn) source.close();
    else if (!source.closed) this.#source = source;
  }

  /** The publisher is gone; time goes on. */
  detach(): void {
    // What it still has belongs into the file.
    this.#source?.close();
    this.#source = undefined;
    this.#turn += 1;
  }

  /** Ends the file and goes on in another: with what was kept, or from the next key frame on. */
  async next(target: FileName): Promise<PartResult | undefined> {
    const part = this.#part;
    this.#part = undefined;
    this.#splitting = false;
    this.#target = target;
    this.#begin();
    if (!this.#part) this.#source?.requestKeyFrame();
    return part && this.#finish(part);
  }

  /** Resolves when the file is ended; undefined if nothing ever came. */
  async stop(): Promise<PartResult | undefined> {
    this.detach();
    this.#closed = true;
    this.#held = [];
    const part = this.#part ?? this.#dead;
    return part && this.#finish(part);
  }

  #sourceOnEnd(turn: number): void {
    if (this.#closed || turn !== this.#turn) return;
    this.#source = undefined;
    this.emit('detached');
  }

  #sourceOnFrames(turn: number, frames: PlacedFrame[]): void {
    if (this.#closed || turn !== this.#turn) return;
    for (const frame of frames) this.#take(frame);
    if (!this.#part) this.#begin();
  }

  #take(frame: PlacedFrame): void {
    const misfit = this.#splitting ? undefined : this.#part?.misfit(frame);
    if (!this.#part || this.#splitting || misfit) this.#hold(frame);
    else this.#write(this.#part, frame);
    if (!misfit) return;
    this.#splitting = true;
    this.emit('split', misfit);
  }

  #write(part: Part, frame: PlacedFrame): void {
    const size = part.write(frame);
    if (size) this.emit('resolution', size);
  }

  /** Begins the next file as soon as it is clear what is in it. */
  #begin(): void {
    const target = this.#target;
    if (!target || this.#part || this.#held.length === 0) return;
    const video = this.#held.findIndex(({ kind, frame }) => kind === 'video' && frame.key);
    if (video < 0 && this.#source?.hasBegun('video') && this.#heldSpan < MAX_WAIT_MS) return;
    const first = video < 0 ? this.#held.find(({ kind }) => kind === 'audio') : this.#held[video];
    const tracks = this.#tracks(first);
    if (!first || tracks.length === 0) return;
    this.#target = undefined;
    const format = tracks.some(({ codec }) => codec === 'H264') ? 'mp4' : 'webm';
    const part = new Part({
      ...{ file: target(format), format, tracks },
      ...{ origin: first.time, stallTime: this.#stallTime },
    });
    this.#part = part;
    part.writer.once('end', (end) => this.#writerOnEnd(part, end));
    const frames = this.#held;
    this.#held = [];
    this.emit('started', part.file);
    for (const frame of frames) this.#take(frame);
  }

  /** Sound is declared wherever it may come; of video, a key frame has to be known. */
  #tracks(first: PlacedFrame | undefined): TrackFormat[] {
    if (!first?.frame.format) return [];
    const sound = this.#held.find(({ kind }) => kind === 'audio')?.frame.format;
    if (first.kind === 'audio') return [first.frame.format];
    const declared = sound ?? this.#source?.soundFormat;
    return declared ? [first.frame.format, declared] : [first.frame.format];
  }

  #hold(frame: PlacedFrame): void {
    this.#held.push(frame);
    const tooOld = this.#heldSpan > MAX_HELD_MS;
    const bytes = () => this.#held.reduce((sum, { frame: { data } }) => sum + data.length, 0);
    if (!tooOld && (this.#held.length % 100 !== 0 || bytes() < MAX_HELD_BYTES)) return;
    // From the newest key frame on.
    const key = this.#held.findLastIndex(({ kind, frame: each }) => kind === 'video' && each.key);
    this.#held = key > 0 ? this.#held.slice(key) : [];
  }

  get #heldSpan(): number {
    return (this.#held.at(-1)?.time ?? 0) - (this.#held[0]?.time ?? 0);
  }

  #writerOnEnd(part: Part, end: WriterEnd): void {
    if (end.reason === 'finished' || part !== this.#part) return;
    const { file } = part;
    this.#logger.warn({ file, reason: end.reason, lines: end.lines.slice(-5) }, 'ffmpeg ended');
    this.#part = undefined;
    this.#dead = part;
    this.#splitting = false;
    this.#source?.requestKeyFrame();
    void this.#finish(part).then((result) => {
      if (this.#dead === part) this.#dead = undefined;
      if (!this.#closed) this.emit('ended', result);
    });
  }

  #finish(part: Part): Promise<PartResult> {
    const known = this.#results.get(part);
    if (known) return known;
    const result = part.writer.finish().then((end) => part.result(end, this.#timeOrigin));
    this.#results.set(part, result);
    return result;
  }
}
