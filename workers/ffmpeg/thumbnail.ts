import { run } from './run.ts';

const WIDTH = 480;

/** The first picture of a file as a small JPEG. False if there is none. */
export async function thumbnail(source: string, target: string, signal?: AbortSignal): Promise<boolean> {
  const { ok } = await run({
    args: [
      ...['-protocol_whitelist', 'file', '-skip_frame', 'nokey', '-threads', '1', '-i', `file:${source}`],
      ...['-map', '0:v:0', '-frames:v', '1', '-vf', `scale='min(${WIDTH},iw)':-2`, '-q:v', '5'],
      ...['-f', 'mjpeg', '-y', `file:${target}`],
    ],
    level: 'error',
    signal,
  });
  return ok;
}
