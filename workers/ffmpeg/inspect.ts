/** A file as a player meets it: every packet's times, every key frame and all sound decoded. */
import { PacketScan } from './packets.ts';
import { run } from './run.ts';

export type FrameSize = { at: number; width: number; height: number };

export type Inspection = {
  opens: boolean;
  scan: PacketScan;
  /** Key frames that came out of the decoder. */
  decodedKeyFrames: number;
  /** The first size, and each that differs from the one before. */
  sizes: FrameSize[];
  errors: readonly string[];
  errorCount: number;
};

const MAX_SIZES = 1000;

/** @throws the signal's reason when it is aborted. */
export async function inspect(
  file: string,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: (bytes: number) => void } = {},
): Promise<Inspection> {
  const scan = new PacketScan();
  const sizes: FrameSize[] = [];
  let decodedKeyFrames = 0;
  const result = await run({
    args: args(file),
    level: 'info',
    onOutput: (line) => {
      scan.push(line);
      onProgress?.(scan.bytes);
    },
    onInfo: (line) => {
      const size = frameSize(line);
      if (size === undefined) return;
      decodedKeyFrames += 1;
      const last = sizes.at(-1);
      const isNew = last?.width !== size.width || last.height !== size.height;
      if (isNew && sizes.length < MAX_SIZES) sizes.push(size);
    },
    signal,
  });
  const { errors, errorCount } = result;
  return { opens: result.ok && scan.packets > 0, scan, decodedKeyFrames, sizes, errors, errorCount };
}

/** One decoder thread: there is time, and the streams need the others. */
function args(file: string): string[] {
  return [
    ...['-protocol_whitelist', 'file', '-skip_frame', 'nokey', '-threads', '1', '-i', `file:${file}`],
    ...['-map', '0:v:0?', '-map', '0:a:0?', '-c', 'copy', '-f', 'framecrc', 'pipe:1'],
    ...['-map', '0:v:0?', '-map', '0:a:0?', '-vf', 'showinfo=checksum=0', '-fps_mode', 'passthrough'],
    ...['-f', 'null', '-'],
  ];
}

/** `[Parsed_showinfo_0 @ 0x55…] [info] n: 2 pts: 2000 pts_time:2 … s:640x360 i:P iskey:1 …` */
function frameSize(line: string): FrameSize | undefined {
  if (!line.startsWith('[Parsed_showinfo')) return undefined;
  const [, at, width, height] = /\bpts_time:\s*(\S+) .*\bs:(\d+)x(\d+) /.exec(line) ?? [];
  return at === undefined ? undefined : { at: Number(at), width: Number(width), height: Number(height) };
}
