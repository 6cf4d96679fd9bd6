/** One part of a recording, as it was written live, into the file that is kept: made, verified, put in its place. */
import { constants } from 'node:fs';
import { access, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Inspection, inspect } from '../../workers/ffmpeg/inspect.ts';
import type { PacketScan } from '../../workers/ffmpeg/packets.ts';
import { type Remux, remux } from '../../workers/ffmpeg/remux.ts';
import { isMissing, moveWhole, NO_SPACE, reasonOf, sha256 } from './files.ts';
import type { Part } from './metadata.ts';
import { finishedName, type MediaExtension, parseFileName, temporaryName } from './names.ts';
import { freeBytes } from './space.ts';
import { judge, lost, type Making } from './verdict.ts';

export type Phase = 'copying' | 'verifying' | 'hashing';
export type Progress = { phase: Phase; fraction: number };

export type FinishOptions = {
  /** The stream's folder. */
  folder: string;
  part: Part;
  /** MP4 whatever the codec, at the price of encoding others than H.264 anew. */
  format: 'native' | 'mp4';
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
};

/** Zeros at the end are what a power failure leaves; anywhere else they are a hole. */
const MAX_TAIL_SECONDS = 5;
/** The copy is a little larger or smaller; a few megabytes more are the metadata's, the log's. */
const SPACE_FACTOR = 1.01;

/**
 * The part with its file and verdict. The live file is deleted only when the verdict is good, and is
 * untouched otherwise; so it is when this throws.
 * @throws the signal's reason when it is aborted.
 */
export async function finishPart(options: FinishOptions): Promise<Part> {
  const { folder, part, signal } = options;
  const live = part.live !== null && (await exists(join(folder, part.live))) ? part.live : null;
  try {
    if (live !== null) return await finishLive(options, live);
    for (const file of finishedNames(part)) {
      if (!(await exists(join(folder, file)))) continue;
      return { ...(await verifyFile({ ...options, part: { ...part, live } }, file, undefined)), file };
    }
    return { ...part, live, file: null, ...lost('its file is gone') };
  } catch (error) {
    signal?.throwIfAborted();
    return { ...part, live, ...lost(`it could not be finished: ${reasonOf(error)}`) };
  }
}

async function finishLive(options: FinishOptions, live: string): Promise<Part> {
  const { folder, part, format, signal } = options;
  const source = join(folder, live);
  const name = targetName(live, format);
  const temporary = join(folder, temporaryName(name));
  const { size } = await stat(source);
  const failed = (why: string): Part => ({ ...part, live, file: null, ...lost(why) });
  if (size === 0) return failed('nothing was written');
  if ((await freeBytes(folder)) < size * SPACE_FACTOR) return failed(`it could not be finished: ${NO_SPACE}`);
  try {
    const making = await make(options, source, temporary, size);
    if ('failure' in making) return failed(`it could not be finished: ${making.failure}`);
    const checked = await verifyFile({ ...options, part: { ...part, live } }, temporaryName(name), making);
    signal?.throwIfAborted();
    await moveWhole(temporary, join(folder, name));
    // Of a damaged one the live file stays, whoever wants to try their luck with it.
    if (checked.verdict === 'damaged') return { ...checked, file: name };
    await rm(source);
    return { ...checked, live: null, file: name };
  } finally {
    await rm(temporary, { force: true });
  }
}

async function make(
  { part, signal, onProgress }: FinishOptions,
  source: string,
  temporary: string,
  size: number,
): Promise<Making | { failure: string }> {
  const container = temporary.endsWith('.mp4') ? 'mp4' : 'webm';
  const encoded = container === 'mp4' && source.endsWith('.webm');
  const task: Remux = {
    ...{ source, target: temporary, container, encodeVideo: encoded, signal },
    startedAt: Date.parse(part.start),
    onProgress: (bytes) => onProgress?.({ phase: 'copying', fraction: Math.min(1, bytes / size) }),
  };
  const { failure, ...first } = await remux(task);
  if (failure !== undefined) return { failure };
  const until = emptyTail(first.source);
  if (until === undefined) return { ...first, leftOut: 0, encoded };
  const leftOut = first.source.start + first.source.duration - until;
  const { failure: other, ...second } = await remux({ ...task, until });
  return other === undefined ? { ...second, leftOut, encoded } : { failure: other };
}

/** When the first packet of zeros comes, if it and all after it are the end of the file. */
function emptyTail(source: PacketScan): number | undefined {
  const firsts = source.tracks.flatMap(({ firstEmpty }) => firstEmpty ?? []);
  if (firsts.length === 0) return undefined;
  const first = Math.min(...firsts);
  const end = source.start + source.duration;
  const isTail = source.tracks.every(
    ({ empty, lastEmpty, end: last }) => empty === 0 || last - (lastEmpty ?? 0) < 0.1,
  );
  return isTail && end - first <= MAX_TAIL_SECONDS && first > source.start ? first : undefined;
}

/** The part with what is in the file, and the verdict on it. */
async function verifyFile(
  { folder, part, signal, onProgress }: FinishOptions,
  name: string,
  making: Making | undefined,
): Promise<Part> {
  const file = join(folder, name);
  const { size } = await stat(file);
  const inspection = await inspect(file, {
    signal,
    onProgress: (bytes) => onProgress?.({ phase: 'verifying', fraction: Math.min(1, bytes / size) }),
  });
  onProgress?.({ phase: 'hashing', fraction: 0 });
  const hash = await sha256(file, signal);
  return {
    ...part,
    ...contents(inspection),
    bytes: size,
    sha256: hash,
    ...judge(inspection, part, making),
  };
}

function contents({ scan, sizes }: Inspection): Pick<Part, 'codecs' | 'width' | 'height' | 'duration'> {
  const [size] = sizes;
  return {
    codecs: scan.tracks.map(({ codec }) => codec),
    width: size?.width ?? null,
    height: size?.height ?? null,
    duration: Math.round(scan.duration * 1000) / 1000,
  };
}

function targetName(live: string, format: FinishOptions['format']): string {
  const file = parseFileName(live);
  if (file?.kind !== 'live') throw new Error(`${live} is no live file`);
  const extension: MediaExtension = format === 'mp4' || file.extension === 'mp4' ? 'mp4' : 'webm';
  return finishedName(file.start, file.part, extension);
}

/** Where it may be already: we may have died between putting it there and writing that down. */
function finishedNames({ file, live }: Part): string[] {
  if (file !== null) return [file];
  return live === null ? [] : [...new Set([targetName(live, 'native'), targetName(live, 'mp4')])];
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
