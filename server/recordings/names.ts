/**
 * Names of a recording and of its files: `<stream id>/<UTC start>…` in the recordings' folder.
 * Pure. Whatever becomes part of a path comes out of here, and is parsed strictly on its way in.
 */
import { STREAM_ID_PATTERN } from '../protocol/codes.ts';

/** `start` is when it began, in UTC and as it stands in file names: `2026-11-21T13-16-58.123Z`. */
export type RecordingId = { stream: string; start: string };

export type MediaExtension = 'mp4' | 'webm';

export type RecordingFile = {
  start: string;
  /** From 1. */
  part: number;
  /**
   * `live`: being written, or left over from that; `finished`: whole; `temporary`: being made of
   * another, worth nothing if nobody is at it.
   */
  kind: 'live' | 'finished' | 'metadata' | 'thumbnail' | 'temporary';
  extension: string;
};

const START = String.raw`\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3}Z`;
const ID = new RegExp(`^([^/]+)/(${START})$`);
const FILE = new RegExp(`^(${START})(?:-([1-9]\\d{0,3}))?(?:\\.(live|finishing))?\\.(mp4|webm|json|jpg)$`);

/** @param time In ms since 1970. */
export function startName(time: number): string {
  return new Date(time).toISOString().replaceAll(':', '-');
}

/** In ms since 1970; undefined if it is no such name, or no such time. */
export function startTime(start: string): number | undefined {
  const time = Date.parse(start.replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:'));
  return Number.isNaN(time) || startName(time) !== start ? undefined : time;
}

export function formatRecordingId({ stream, start }: RecordingId): string {
  return `${stream}/${start}`;
}

export function parseRecordingId(text: string): RecordingId | undefined {
  const [, stream = '', start = ''] = ID.exec(text) ?? [];
  return STREAM_ID_PATTERN.test(stream) && startTime(start) !== undefined ? { stream, start } : undefined;
}

export function metadataName(start: string): string {
  return `${start}.json`;
}

export function thumbnailName(start: string): string {
  return `${start}.jpg`;
}

export function liveName(start: string, part: number, extension: MediaExtension): string {
  return `${start}${suffix(part)}.live.${extension}`;
}

export function finishedName(start: string, part: number, extension: MediaExtension): string {
  return `${start}${suffix(part)}.${extension}`;
}

/** What a file is called while it is being made: `a.mp4` is `a.finishing.mp4` until it is whole. */
export function temporaryName(name: string): string {
  return name.replace(/\.(\w+)$/, '.finishing.$1');
}

/** What a file in a stream's folder is; undefined if it is none of ours. */
export function parseFileName(name: string): RecordingFile | undefined {
  const [, start = '', number, mark, extension = ''] = FILE.exec(name) ?? [];
  const part = Number(number ?? 1);
  if (startTime(start) === undefined || number === '1') return undefined;
  const isMedia = extension === 'mp4' || extension === 'webm';
  if (mark === 'finishing') return { start, part, kind: 'temporary', extension };
  if (isMedia) return { start, part, kind: mark === 'live' ? 'live' : 'finished', extension };
  if (mark !== undefined || number !== undefined) return undefined;
  return { start, part, kind: extension === 'json' ? 'metadata' : 'thumbnail', extension };
}

/** The media file of a part, as metadata names it: of this recording, and with no way out of its folder. */
export function isMediaName(name: string, start: string): boolean {
  const file = parseFileName(name);
  return file?.start === start && (file.kind === 'live' || file.kind === 'finished');
}

function suffix(part: number): string {
  return part === 1 ? '' : `-${part}`;
}
