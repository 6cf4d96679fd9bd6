/**
 * Media files of every kind that matters, made by ffmpeg once for a machine. The picture is ffmpeg's
 * test pattern with a box that is red in even seconds and blue in odd ones; sound is a tone of
 * 440 Hz left and 880 Hz right.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { findFfmpeg } from '../../tools/lib/ffmpeg.ts';
import { madeOnce } from './made-once.ts';

export const TONES = { left: 440, right: 880 };

const FPS = 30;
const PICTURE = `testsrc2=size=640x360:rate=${FPS}`;
const BOX =
  "drawbox=w=iw/4:h=ih/4:color=red:t=fill:enable='lt(mod(t,2),1)',drawbox=w=iw/4:h=ih/4:color=blue:t=fill:enable='gte(mod(t,2),1)',format=yuv420p";
const SOUND = `aevalsrc=0.4*sin(2*PI*${TONES.left}*t)|0.4*sin(2*PI*${TONES.right}*t):s=48000:c=stereo`;

const OPUS = ['-c:a', 'libopus', '-b:a', '96k'];
const x264 = (profile: string, ...more: string[]) =>
  `-c:v libx264 -preset veryfast -profile:v ${profile} -b:v 800k -maxrate 800k -bufsize 400k -sc_threshold 0`
    .split(' ')
    .concat(more);
const everySecond = ['-g', String(FPS), '-bf', '0'];
const VP8 = `-c:v libvpx -deadline realtime -cpu-used 8 -b:v 800k -g ${FPS} -auto-alt-ref 0`.split(' ');

type Recipe = { extension: string; seconds: number; video?: string[]; audio?: string[] };

const RECIPES = {
  /** Constrained baseline, a key frame each second. */
  h264: { extension: 'mp4', seconds: 8, video: x264('baseline', ...everySecond), audio: OPUS },
  vp8: { extension: 'webm', seconds: 8, video: VP8, audio: OPUS },
  'h264-high': { extension: 'mp4', seconds: 8, video: x264('high', ...everySecond), audio: OPUS },
  'h264-b-frames': { extension: 'mp4', seconds: 8, video: x264('main', '-g', '30', '-bf', '2'), audio: OPUS },
  /** Ten seconds between key frames, as encoders do by default. */
  'h264-long-gop': {
    extension: 'mp4',
    seconds: 21,
    video: x264('baseline', '-g', '300', '-bf', '0'),
    audio: OPUS,
  },
  'h264-only': { extension: 'mp4', seconds: 8, video: x264('baseline', ...everySecond) },
  'opus-only': { extension: 'ogg', seconds: 8, audio: OPUS },
  /** Nothing that could be sent as it is. */
  mpeg4: { extension: 'mp4', seconds: 4, video: ['-c:v', 'mpeg4', '-q:v', '5'], audio: ['-c:a', 'aac'] },
} satisfies Record<string, Recipe>;

export type MediaName = keyof typeof RECIPES;

/**
 * The path of that file. MP4 keeps H.264's parameter sets apart: `--copy` puts them into the
 * stream, and RtpSource's `copyFilter: 'filter_units=remove_types=7-8'` leaves them out.
 */
export async function media(name: MediaName, seconds?: number): Promise<string> {
  const recipe: Recipe = RECIPES[name];
  const command = argumentsOf(recipe, seconds ?? recipe.seconds);
  const hash = createHash('sha256').update(JSON.stringify(command)).digest('hex').slice(0, 12);
  return madeOnce(`${name}-${hash}.${recipe.extension}`, (path) =>
    promisify(execFile)(findFfmpeg(), [...command, path]),
  );
}

function argumentsOf({ video, audio }: Recipe, seconds: number): string[] {
  return [
    ...['-hide_banner', '-loglevel', 'error', '-y'],
    ...(video ? ['-f', 'lavfi', '-i', `${PICTURE},${BOX}`] : []),
    ...(audio ? ['-f', 'lavfi', '-i', SOUND] : []),
    ...['-t', String(seconds), ...(video ?? []), ...(audio ?? [])],
  ];
}
