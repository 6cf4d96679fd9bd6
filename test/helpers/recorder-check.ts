/** What a recorded file is like, by ffprobe and a full decode. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { findFfmpeg } from '../../workers/ffmpeg/binary.ts';

const ffprobe = () => findFfmpeg().replace(/ffmpeg$/, 'ffprobe');
const LARGE = { maxBuffer: 256 << 20 };

export type Checked = {
  /** Anything that ffmpeg has to say of it. */
  errors: string[];
  frames: number;
  sizes: string[];
  /** Seconds. */
  duration: number;
  videoTimes: number[];
  audioTimes: number[];
  /** When flashes and beeps begin, in seconds of the file. */
  flashes: number[];
  beeps: number[];
};

export async function check(file: string): Promise<Checked> {
  const [video, audio, packets] = await Promise.all([
    decodeVideo(file),
    decodeAudio(file),
    packetTimes(file),
  ]);
  const ends = [...packets.video.map((at) => at + 1 / 30), ...packets.audio.map((at) => at + 0.02)];
  return {
    errors: [...video.errors, ...audio.errors],
    frames: video.frames,
    sizes: video.sizes,
    duration: Math.max(0, ...ends),
    videoTimes: packets.video,
    audioTimes: packets.audio,
    flashes: video.flashes,
    beeps: audio.beeps,
  };
}

/** For each flash, how much later its beep begins, in ms. */
export function offsets({ flashes, beeps }: Pick<Checked, 'flashes' | 'beeps'>): number[] {
  return flashes.flatMap((flash) => {
    const [nearest] = [...beeps].sort((a, b) => Math.abs(a - flash) - Math.abs(b - flash));
    return nearest === undefined || Math.abs(nearest - flash) > 0.4 ? [] : [(nearest - flash) * 1000];
  });
}

/** `opus` */
export async function soundCodec(file: string): Promise<string> {
  const entry = ['-show_entries', 'stream=codec_name', '-of', 'csv=p=0', file];
  const { stdout } = await promisify(execFile)(ffprobe(), ['-v', 'error', '-select_streams', 'a', ...entry]);
  return stdout.trim();
}

async function packetTimes(file: string): Promise<{ video: number[]; audio: number[] }> {
  const args = ['-v', 'error', '-show_entries', 'packet=codec_type,pts_time', '-of', 'csv=p=0', file];
  const { stdout } = await promisify(execFile)(ffprobe(), args, LARGE);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const of = (kind: string) => lines.filter(([type]) => type === kind).map(([, time]) => Number(time));
  return { video: of('video'), audio: of('audio') };
}

async function decodeVideo(
  file: string,
): Promise<{ frames: number; sizes: string[]; flashes: number[]; errors: string[] }> {
  const filter = 'scale=16:16,format=gray,showinfo';
  const args = [
    '-copyts',
    '-i',
    file,
    '-map',
    '0:v?',
    '-vf',
    `showinfo@size,${filter}`,
    '-fps_mode',
    'passthrough',
  ];
  // Else frames would have to keep to the frame rate that ffmpeg guesses.
  const { lines, errors } = await run([...args, '-enc_time_base', '1:90000', '-f', 'null', '-']);
  const shown = lines.filter((line) => line.startsWith('[showinfo@size') && / n: *\d/.test(line));
  const sizes = [...new Set(shown.map((line) => / s:(\d+x\d+)/.exec(line)?.[1] ?? ''))];
  const bright = lines
    .filter((line) => /^\[Parsed_showinfo/.test(line) && / n: *\d/.test(line))
    .map((line) => ({
      time: Number(/ pts_time:(\S+)/.exec(line)?.[1]),
      bright: Number(/ mean:\[(\d+)/.exec(line)?.[1]) > 215,
    }));
  const flashes = bright.filter((each, index) => each.bright && index > 0 && !bright[index - 1]?.bright);
  return { frames: shown.length, sizes, flashes: flashes.map(({ time }) => time), errors };
}

async function decodeAudio(file: string): Promise<{ beeps: number[]; errors: string[] }> {
  // Samples at the places where their times have them.
  const filter = 'aresample=async=1:min_hard_comp=0.005:first_pts=0,highpass=f=700';
  const args = ['-copyts', '-i', file, '-map', '0:a?', '-af', filter, '-ac', '1', '-ar', '48000'];
  const { data, errors } = await run([...args, '-f', 'f32le', '-']);
  if (data.length === 0) return { beeps: [], errors };
  const samples = new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  const beeps: number[] = [];
  let quietSince = 0;
  for (let index = 0; index < samples.length; index++) {
    if (Math.abs(samples[index] ?? 0) < 0.2) continue;
    if (index - quietSince > 9600 && index > 0) beeps.push(index / 48_000);
    quietSince = index;
  }
  return { beeps, errors };
}

async function run(args: string[]): Promise<{ data: Buffer; lines: string[]; errors: string[] }> {
  const child = spawn(
    findFfmpeg(),
    ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+info', ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const out: Buffer[] = [];
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(child, 'close');
  const lines = text.split('\n').map((line) => line.replace(/\[info\] ?/, ''));
  const errors = lines.filter((line) => /\[(warning|error|fatal|panic)\]/.test(line) && !EXPECTED.test(line));
  return { data: Buffer.concat(out), lines, errors };
}

/** A file without that kind of track; pictures of another size, which the filters are made anew for. */
const EXPECTED =
  /does not contain any stream|Output file is empty|matches no streams|deprecated pixel|Changing video frame properties/;
