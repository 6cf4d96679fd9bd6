/** What a viewer's packets show and sound like, by a real ffmpeg. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFfmpeg } from '../../tools/lib/ffmpeg.ts';
import { depacketize } from './depacketize.ts';

export type Picture = {
  frames: number;
  /** `640x360` */
  size: string;
  /** What the box of media.ts shows, frame by frame. */
  colours: string[];
  errors: string[];
};

export type Sound = {
  seconds: number;
  /** Left and right: level (RMS, 1 is full scale) and frequency in hertz, of what is not silent. */
  channels: { level: number; frequency: number }[];
  errors: string[];
};

/** From within the box of media.ts; swscale goes no lower than that. */
const SAMPLE = 'crop=iw/8:ih/8:iw/16:ih/16,scale=4:4';
const SAMPLE_BYTES = 4 * 4 * 3;

export async function decodeVideo(codec: 'H264' | 'VP8', packets: readonly Buffer[]): Promise<Picture> {
  const format = codec === 'H264' ? ['-f', 'h264', '-framerate', '30'] : ['-f', 'ivf'];
  // Each frame that is decoded comes out, at whatever time.
  const output = ['-vsync', 'passthrough', '-vf', SAMPLE, '-pix_fmt', 'rgb24'];
  const { data, log } = await decode(depacketize(codec, packets), format, [...output, '-f', 'rawvideo']);
  const frames = Math.floor(data.length / SAMPLE_BYTES);
  return {
    frames,
    size: /Stream #0:0.*Video:.*?, (\d+x\d+)/.exec(log)?.[1] ?? '',
    colours: Array.from({ length: frames }, (_, index) => colour(data.subarray(index * SAMPLE_BYTES))),
    errors: errorsOf(log),
  };
}

export async function decodeAudio(packets: readonly Buffer[]): Promise<Sound> {
  const output = ['-ac', '2', '-ar', '48000', '-f', 'f32le'];
  const { data, log } = await decode(depacketize('opus', packets), ['-f', 'ogg'], output);
  const samples = new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  return {
    seconds: samples.length / 2 / 48_000,
    channels: [0, 1].map((channel) => measure(samples.filter((_, index) => index % 2 === channel))),
    errors: errorsOf(log),
  };
}

async function decode(
  input: Buffer,
  format: string[],
  output: string[],
): Promise<{ data: Buffer; log: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'pharos-decode-'));
  const file = join(folder, 'stream');
  writeFileSync(file, input);
  try {
    const args = ['-hide_banner', '-nostdin', '-loglevel', 'level+info', '-nostats', ...format, '-i', file];
    const { stdout, stderr } = await promisify(execFile)(findFfmpeg(), [...args, ...output, '-'], {
      encoding: 'buffer',
      maxBuffer: 256 * 1024 * 1024,
    });
    return { data: stdout, log: stderr.toString() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** That the raw output's clock is too coarse for two pictures is no fault of theirs. */
const errorsOf = (log: string): string[] =>
  log.split('\n').filter((line) => /\[(error|fatal|panic)\]/.test(line) && !line.startsWith('[rawvideo'));

function colour([red = 0, green = 0, blue = 0]: Buffer): string {
  if (red > 150 && green < 80 && blue < 80) return 'red';
  return blue > 150 && red < 80 && green < 80 ? 'blue' : 'other';
}

/** A pure tone crosses zero upwards once a period. */
function measure(samples: Float32Array): { level: number; frequency: number } {
  const level = Math.sqrt(
    samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length),
  );
  let crossings = 0;
  for (let index = 1; index < samples.length; index++) {
    if ((samples[index - 1] ?? 0) < 0 && (samples[index] ?? 0) >= 0) crossings++;
  }
  return { level, frequency: (crossings * 48_000) / Math.max(1, samples.length) };
}
