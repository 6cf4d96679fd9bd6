/** A media file to load a server with, made by ffmpeg once for a machine. */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findFfmpeg } from './ffmpeg.ts';

/** What a camera page sends: 720p with a key frame each second. The bitrate is that of RTP, sound included: 1.4 Mbit/s. */
const ARGUMENTS = [
  ...['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30,format=yuv420p'],
  ...['-f', 'lavfi', '-i', 'aevalsrc=0.2*sin(2*PI*440*t)|0.2*sin(2*PI*880*t):s=48000:c=stereo'],
  ...['-t', '20', '-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'baseline', '-bf', '0'],
  ...['-g', '30', '-sc_threshold', '0', '-b:v', '1300k', '-maxrate', '1300k', '-bufsize', '650k'],
  ...['-c:a', 'libopus', '-b:a', '96k'],
];

/** Its path. */
export async function testFile(): Promise<string> {
  const hash = createHash('sha256').update(ARGUMENTS.join(' ')).digest('hex').slice(0, 12);
  const file = join(tmpdir(), 'pharos-load', `720p-${hash}.mp4`);
  if (existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true });
  // Another process may be making it too: each has a name of its own for it until it is whole.
  const part = join(dirname(file), `.${randomUUID()}.mp4`);
  await promisify(execFile)(findFfmpeg(), ['-hide_banner', '-loglevel', 'error', ...ARGUMENTS, part]);
  renameSync(part, file);
  return file;
}
