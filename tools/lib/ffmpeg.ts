/** The ffmpeg that `npm run setup` has found, and what it says of a file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const STAMP = join(import.meta.dirname, '../../node_modules/.pharos/ffmpeg');

/** Its path, or the name to look for on the PATH. */
export function findFfmpeg(): string {
  const stamped = existsSync(STAMP) ? readFileSync(STAMP, 'utf8').trim() : '';
  return stamped && existsSync(stamped) ? stamped : 'ffmpeg';
}

export type StreamInfo = { codec: string; width?: number; height?: number };

/** The streams that would be sent; pictures of covers are none. */
export type FileInfo = { video: StreamInfo | undefined; audio: StreamInfo | undefined };

/** @throws Error with ffmpeg's own words if it is no media file. */
export async function probe(file: string, ffmpeg = findFfmpeg()): Promise<FileInfo> {
  // ffprobe would say it in JSON, but is no part of the ffmpeg-static package.
  const child = spawn(ffmpeg, ['-hide_banner', '-nostdin', '-i', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(child, 'close');
  const lines = text.split('\n').filter((line) => /^\s*Stream #0/.test(line));
  const info = {
    video: streamOf(
      lines.filter((line) => !line.includes('(attached pic)')),
      'Video',
    ),
    audio: streamOf(lines, 'Audio'),
  };
  if (info.video || info.audio) return info;
  const reason = lines.length > 0 ? 'it has neither sound nor picture' : lastWords(text);
  throw new Error(`cannot send ${file}: ${reason}`);
}

function streamOf(lines: string[], kind: 'Video' | 'Audio'): StreamInfo | undefined {
  for (const line of lines) {
    const codec = new RegExp(`: ${kind}: (\\w+)`).exec(line)?.[1];
    if (!codec) continue;
    const size = /, (\d{2,5})x(\d{2,5})\b/.exec(line);
    return size ? { codec, width: Number(size[1]), height: Number(size[2]) } : { codec };
  }
  return undefined;
}

/** "At least one output file must be specified" is what it always ends with. */
export function lastWords(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() && !line.startsWith('At least one output'));
  return lines.at(-1)?.trim() ?? 'ffmpeg says nothing';
}
