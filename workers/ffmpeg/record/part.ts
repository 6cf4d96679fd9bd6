/** One file of a recording: what goes into it, and what is known of it. */
import { stat } from 'node:fs/promises';
import { isVideo, type TrackFormat, type VideoFormat } from './frames.ts';
import { TICK_MS } from './matroska.ts';
import type { PlacedFrame } from './source.ts';
import type { Kind } from './timeline.ts';
import { stillFrame } from './vp8-still.ts';
import { type FileFormat, Writer, type WriterEnd, type WriterOptions } from './writer.ts';

export type VideoSize = {
  /** Milliseconds from the beginning of the file. */
  at: number;
  width: number;
  height: number;
  /** By how many degrees players would have to turn it clockwise; files can't say that in mid-stream. */
  rotation: number;
};

export type TrackResult = {
  codec: TrackFormat['codec'];
  /** Written: of sound, packets. */
  frames: number;
  /** RTP packets that never came. */
  lost: number;
  /** Milliseconds from the beginning of the file: of the first frame, and of the last one's end. */
  start: number;
  end: number;
  /** The longest time without a frame, in milliseconds. */
  longestGap: number;
  /** Times without a frame in which no packet was lost: the publisher sent none. In ms from the beginning. */
  pauses: { from: number; to: number }[];
};

export type VideoResult = TrackResult & {
  keyFrames: number;
  /** Frames that came, but could not have been shown. */
  dropped: number;
  /** Copies of the last picture, written while none came. */
  stills: number;
  sizes: VideoSize[];
};

export type PartResult = {
  file: string;
  format: FileFormat;
  /** Wall-clock times, in ms since 1970, of the first frame and of the last one's end. */
  startedAt: number;
  endedAt: number;
  /** What the file should last, in milliseconds. */
  duration: number;
  bytes: number;
  audio?: TrackResult;
  video?: VideoResult;
  end: WriterEnd['reason'];
  /** What ffmpeg said last. */
  lines: readonly string[];
};

/** Two frames of a track are at least so far apart: what WebM can tell from another. */
const LEAST_STEP_MS = 1;
/** Of the last frame of video, whose end no other one tells. */
const USUAL_FRAME_MS = 33;
/** Less is nothing that anybody sees. */
const MIN_GAP_MS = 250;
const PAUSE_MS = 900;
const MAX_PAUSES = 400;
/** When video has stood still so long, sound goes on with a copy of its last picture; */
const STILL_AFTER_MS = 600;
/** which leaves time for a frame that only comes later than its sound. */
const STILL_BEFORE_MS = 300;

type Track = {
  number: number;
  format: TrackFormat;
  result: VideoResult;
  /** When the last frame is that was written, copies included, and when the last that came. */
  last: number;
  lastCame: number;
  /** Between the last two that came. */
  step: number;
  /** Packets lost until the last one that came. */
  lostBefore: number;
};

export type PartOptions = WriterOptions & {
  /** Which time of frames is the beginning of the file. */
  origin: number;
};

export class Part {
  readonly file: string;
  readonly format: FileFormat;
  readonly writer: Writer;
  /** On the clock of frames. */
  readonly origin: number;
  readonly #tracks = new Map<Kind, Track>();

  constructor({ file, format, tracks, origin, stallTime }: PartOptions) {
    this.file = file;
    this.format = format;
    this.origin = origin;
    for (const [index, track] of tracks.entries()) {
      this.#tracks.set(kindOf(track), {
        number: index + 1,
        format: track,
        result: emptyResult(track),
        last: Number.NEGATIVE_INFINITY,
        lastCame: 0,
        lostBefore: 0,
        step: 0,
      });
    }
    this.writer = Writer.start({ file, format, tracks, stallTime });
  }

  /** What the frame would need that this file does not have; undefined if it can be written. */
  misfit({ kind, frame }: PlacedFrame): 'tracks' | 'codec' | 'resolution' | undefined {
    const track = this.#tracks.get(kind);
    // Whatever is not a key frame belongs to one that was told of.
    if (!frame.format) return undefined;
    if (!track) return 'tracks';
    if (track.format.codec !== frame.format.codec) return 'codec';
    if (this.format === 'webm' || !isVideo(track.format) || !isVideo(frame.format)) return undefined;
    return sameSize(track.format, frame.format) ? undefined : 'resolution';
  }

  /** @returns the size if it is another than before. */
  write({ kind, time, frame }: PlacedFrame): VideoSize | undefined {
    const track = this.#tracks.get(kind);
    const at = time - this.origin;
    if (!track || at < 0) return undefined;
    const reordered = track.format.codec === 'H264' && track.format.reordered;
    const placed = reordered ? at : Math.max(at, track.last + LEAST_STEP_MS);
    this.#write(track, placed, frame.key, frame.data);
    count(track, placed, frame.data, frame.key);
    if (kind === 'audio') this.#fill(placed);
    return frame.format && isVideo(frame.format) ? noteSize(track.result, placed, frame.format) : undefined;
  }

  /** ffmpeg lets no sound pass a VP8 track without frames (vp8-still.ts). */
  #fill(now: number): void {
    const track = this.#tracks.get('video');
    const size = track?.result.sizes.at(-1);
    if (!track || !size || track.format.codec !== 'VP8' || now - track.last < STILL_AFTER_MS) return;
    track.last = now - STILL_BEFORE_MS;
    track.result.stills += 1;
    this.#write(track, track.last, false, stillFrame(size));
  }

  #write({ number }: Track, at: number, key: boolean, data: Buffer): void {
    this.writer.write(number, Math.round(at / TICK_MS), key, data);
  }

  lose(kind: Kind, packets: number, frames: number): void {
    const result = this.#tracks.get(kind)?.result;
    if (!result) return;
    result.lost += packets;
    result.dropped += frames;
  }

  /** @param timeOrigin What to add to the times of frames for wall-clock time. */
  async result(end: WriterEnd, timeOrigin: number): Promise<PartResult> {
    const { audio, video } = this.#results();
    const duration = Math.max(0, audio?.end ?? 0, video?.end ?? 0);
    const startedAt = timeOrigin + this.origin;
    const bytes = await stat(this.file).then(
      ({ size }) => size,
      () => 0,
    );
    const { file, format } = this;
    return {
      ...{ file, format, startedAt, endedAt: startedAt + duration, duration, bytes },
      ...(audio && { audio }),
      ...(video && { video }),
      ...{ end: end.reason, lines: end.lines },
    };
  }

  #results(): { audio?: TrackResult; video?: VideoResult } {
    const [audio, video] = [this.#tracks.get('audio')?.result, this.#tracks.get('video')?.result];
    if (!audio) return { ...(video && { video }) };
    const { codec, frames, lost, start, end, longestGap, pauses } = audio;
    return { audio: { codec, frames, lost, start, end, longestGap, pauses }, ...(video && { video }) };
  }
}

function kindOf(format: TrackFormat): Kind {
  return isVideo(format) ? 'video' : 'audio';
}

function sameSize(a: VideoFormat, b: VideoFormat): boolean {
  return a.width === b.width && a.height === b.height;
}

function emptyResult({ codec }: TrackFormat): VideoResult {
  const times = { start: 0, end: 0, longestGap: 0, pauses: [] };
  return { codec, frames: 0, lost: 0, ...times, keyFrames: 0, dropped: 0, stills: 0, sizes: [] };
}

function count(track: Track, at: number, data: Buffer, key: boolean): void {
  const { result } = track;
  if (result.frames === 0) result.start = at;
  else track.step = Math.max(0, at - track.lastCame);
  if (track.step >= PAUSE_MS && result.lost === track.lostBefore && result.pauses.length < MAX_PAUSES) {
    result.pauses.push({ from: track.lastCame, to: at });
  }
  track.lostBefore = result.lost;
  if (track.step >= MIN_GAP_MS) result.longestGap = Math.max(result.longestGap, track.step);
  result.frames += 1;
  if (key) result.keyFrames += 1;
  track.lastCame = Math.max(track.lastCame, at);
  track.last = Math.max(track.last, at);
  const usual = track.step > 0 && track.step < MIN_GAP_MS ? track.step : USUAL_FRAME_MS;
  result.end = track.last + (isVideo(track.format) ? usual : soundDuration(track.format.codec, data));
}

function noteSize(result: VideoResult, at: number, format: VideoFormat): VideoSize | undefined {
  const { width, height, rotation } = format;
  const last = result.sizes.at(-1);
  if (last && last.width === width && last.height === height && last.rotation === rotation) return undefined;
  const size = { at, width, height, rotation };
  result.sizes.push(size);
  return result.sizes.length > 1 ? size : undefined;
}

/** In milliseconds; of G.711 each octet is a sample. */
function soundDuration(codec: TrackFormat['codec'], packet: Buffer): number {
  return codec === 'opus' ? opusDuration(packet) : packet.length / 8;
}

/** In milliseconds (RFC 6716, section 3.1). */
export function opusDuration(packet: Buffer): number {
  const [first = 0, second = 0] = packet;
  const config = first >> 3;
  const frames = [1, 2, 2, second & 0x3f][first & 3] ?? 1;
  if (config < 12) return frames * ([10, 20, 40, 60][config & 3] ?? 20);
  if (config < 16) return frames * ([10, 20][config & 1] ?? 20);
  return frames * ([2.5, 5, 10, 20][config & 3] ?? 20);
}
