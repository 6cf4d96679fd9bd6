/** What is sent in all measurements of load: the same packets to each server. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { madeOnce } from '../../test/helpers/made-once.ts';
import { type Live, publishMedia } from '../../test/helpers/publish-media.ts';
import { findFfmpeg } from '../../tools/lib/ffmpeg.ts';

export const STREAM = 'bench';
export const SOURCE = '720p30 H.264 at 1.5 Mbit/s with a key frame each second, Opus at 64 kbit/s';

export type Source = Live & { keyFramesAsked(): number };

/** Resolves when the stream is live. */
export async function publishSource(url: string): Promise<Source> {
  let asked = 0;
  const onKeyFrameRequest = () => {
    asked += 1;
  };
  const live = await publishMedia(url, STREAM, 'h264', { file: await sourceFile(), onKeyFrameRequest });
  return { ...live, keyFramesAsked: () => asked };
}

function sourceFile(): Promise<string> {
  return madeOnce('bench-720p-1500k.mp4', (path) =>
    promisify(execFile)(findFfmpeg(), [
      ...'-v error -f lavfi -i testsrc2=size=1280x720:rate=30,noise=alls=10:allf=t,format=yuv420p'.split(' '),
      ...'-f lavfi -i sine=frequency=440:sample_rate=48000 -t 20'.split(' '),
      ...'-c:v libx264 -preset veryfast -profile:v baseline -g 30 -bf 0 -sc_threshold 0'.split(' '),
      ...'-b:v 1500k -minrate 1500k -maxrate 1500k -bufsize 750k'.split(' '),
      ...'-c:a libopus -b:a 64k'.split(' '),
      path,
    ]),
  );
}
