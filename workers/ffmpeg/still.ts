import type { KeyFrame } from './key-frame.ts';
import { matroskaFrame, matroskaHeader } from './record/matroska.ts';
import { run } from './run.ts';

/** Of the longer side, at most. */
const SIDE = 640;
/** More than any picture of that size takes. */
const MAX_BYTES = 1 << 19;
/** To stand upright, by how far it must be turned clockwise. */
const UPRIGHT: Readonly<Record<number, string>> = {
  90: 'transpose=clock,',
  180: 'hflip,vflip,',
  270: 'transpose=cclock,',
};

/**
 * A key frame as a JPEG, by an ffmpeg that decodes this one picture.
 * @throws Error if it cannot be decoded; the signal's reason when it is aborted, and the process is gone.
 */
export async function still({ data, format }: KeyFrame, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const size = `scale=w='min(${SIDE},iw)':h='min(${SIDE},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2`;
  const { ok, errors } = await run({
    args: [
      ...['-protocol_whitelist', 'pipe', '-f', 'matroska', '-threads', '1', '-i', 'pipe:0', '-map', '0:v:0'],
      ...['-frames:v', '1', '-vf', `${UPRIGHT[format.rotation] ?? ''}${size}`, '-q:v', '5', '-threads', '1'],
      ...['-f', 'mjpeg', 'pipe:1'],
    ],
    input: Buffer.concat([matroskaHeader([format]), matroskaFrame(1, 0, true, data)]),
    onData: (chunk) => {
      bytes += chunk.length;
      if (bytes <= MAX_BYTES) chunks.push(chunk);
    },
    level: 'error',
    signal,
  });
  if (!ok || bytes === 0 || bytes > MAX_BYTES) {
    throw new Error(`no picture came of a key frame: ${errors[0] ?? `${bytes} bytes`}`);
  }
  return Buffer.concat(chunks);
}
