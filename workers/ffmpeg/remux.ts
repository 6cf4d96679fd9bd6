/** A recorded file into one that starts at once and seeks: packets are copied, the index goes to the front. */
import { open } from 'node:fs/promises';
import { PacketScan } from './packets.ts';
import { run } from './run.ts';

export type Container = 'mp4' | 'webm';

export type Remux = {
  /** As it was recorded. */
  source: string;
  /** Overwritten if it is there; its contents are worth nothing if this fails. */
  target: string;
  container: Container;
  /** Of others than H.264, which players of MP4 may not have: it is encoded anew, as H.264. */
  encodeVideo?: boolean;
  /** In ms since 1970; goes into the file. */
  startedAt?: number | undefined;
  /** Leaves out what comes later, in seconds. */
  until?: number | undefined;
  /** Bytes of media copied so far. */
  onProgress?: ((bytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
};

export type RemuxResult = {
  /** undefined if it went well: there is a file, whatever is in it. */
  failure: string | undefined;
  /** What the source holds: each packet as it was copied. */
  source: PacketScan;
  /** What ffmpeg found wrong with the source. */
  faults: readonly string[];
  /** Timestamps that went back, which ffmpeg has put right. */
  mendedTimestamps: number;
};

/** @throws the signal's reason when it is aborted. */
export async function remux(options: Remux): Promise<RemuxResult> {
  const source = new PacketScan();
  const { source: file, onProgress, signal } = options;
  let mendedTimestamps = 0;
  const result = await run({
    args: [...inputArgs(file), ...targetArgs(options), ...listArgs(options)],
    onOutput: (line) => {
      source.push(line);
      onProgress?.(source.bytes);
    },
    onInfo: (line) => {
      if (/Non-monoton/.test(line)) mendedTimestamps += 1;
    },
    signal,
  });
  // Both outputs say so.
  mendedTimestamps = Math.ceil(mendedTimestamps / 2);
  // Zeros at the end of what was to be one fault are many lines; the rest of them says no more.
  const faults = result.errors.filter((line) => !isConsequence(line));
  if (!result.ok || source.packets === 0) {
    const failure = inWords(result.errors) ?? 'there is nothing in it';
    return { failure, source, faults, mendedTimestamps };
  }
  await onDisk(options.target);
  return { failure: undefined, source, faults, mendedTimestamps };
}

/** Never anything but this file; packets that were not read to their end are left out. */
function inputArgs(file: string): string[] {
  return ['-protocol_whitelist', 'file', '-fflags', '+discardcorrupt', '-i', `file:${file}`];
}

const TRACKS = ['-map', '0:v:0?', '-map', '0:a:0?'];

function targetArgs({ target, container, encodeVideo = false, startedAt, until }: Remux): string[] {
  return [
    ...[...TRACKS, '-c', 'copy', ...(encodeVideo ? ENCODE : []), '-map_metadata', '-1'],
    ...(startedAt === undefined ? [] : ['-metadata', `creation_time=${new Date(startedAt).toISOString()}`]),
    ...(until === undefined ? [] : ['-t', until.toFixed(3)]),
    ...(container === 'mp4' ? [...LAST_SOUND, '-movflags', '+faststart'] : ['-cues_to_front', '1']),
    ...['-f', container, '-y', `file:${target}`],
  ];
}

/** Fragments do not say how long their last packet is; one of no length at the end would not be played. */
const LAST_SOUND = ['-bsf:a', 'setts=duration=if(DURATION\\,DURATION\\,0.02/TB)'];

/** Frames keep their times; a change of size is fitted into the first one. */
const ENCODE = [
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '21', '-pix_fmt', 'yuv420p', '-bf', '0'],
  ...['-force_key_frames', 'expr:gte(t,n_forced*2)', '-fps_mode', 'passthrough', '-enc_time_base', '1:90000'],
];

/** The same packets once more, as a list. */
function listArgs({ until }: Remux): string[] {
  const end = until === undefined ? [] : ['-t', until.toFixed(3)];
  return [...TRACKS, '-c', 'copy', ...end, '-f', 'framecrc', 'pipe:1'];
}

async function onDisk(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isConsequence(line: string): boolean {
  return /^(missing picture in access unit|Error splitting the input)/.test(line);
}

/** Why it failed, of all that was said. */
function inWords(errors: readonly string[]): string | undefined {
  const all = errors.join('\n');
  if (/No space left on device/.test(all)) return 'there is no space left on the disk';
  if (/moov atom not found|EBML header parsing failed|Invalid data found|ended prematurely/.test(all)) {
    return 'it does not begin as a media file does';
  }
  if (/Could not find codec parameters|does not contain any stream/.test(all))
    return 'there is nothing in it';
  return errors[0];
}
