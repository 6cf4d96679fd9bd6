/** What is sent in all measurements of load: the same packets to each server. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { madeOnce } from '../../test/helpers/made-once.ts';
import { findFfmpeg } from '../../tools/lib/ffmpeg.ts';
import { RtpSource, type RtpSourceOptions } from '../../tools/lib/rtp-source.ts';
import { WhipClient } from '../../tools/lib/whip-client.ts';

export const STREAM = 'bench';

const SOURCES = {
  /** What the cost of a viewer is told for. */
  full: { size: '1280x720', rate: 30, kilobits: 1500 },
  /** For what is about joins, so that carrying it leaves the machine room for them. */
  light: { size: '640x360', rate: 15, kilobits: 300 },
};
export type SourceName = keyof typeof SOURCES;

export function describeSource(name: SourceName): string {
  const { size, rate, kilobits } = SOURCES[name];
  return `${size} at ${rate} frames/s, H.264 at ${kilobits} kbit/s with a key frame each second, Opus at 64 kbit/s`;
}

export type Source = {
  readonly client: WhipClient;
  /** When it was asked for, by the clock of the machine: other processes have to do with it. */
  readonly postedAt: number;
  keyFramesAsked(): number;
  stop(): Promise<void>;
};

/** Resolves when the stream is live. */
export async function publishSource(url: string, name: SourceName = 'full'): Promise<Source> {
  const options: RtpSourceOptions = {
    file: await sourceFile(name),
    loop: true,
    copy: true,
    onPacket: (kind, packet) => client.send(kind, packet),
  };
  let asked = 0;
  const onKeyFrameRequest = () => {
    asked += 1;
  };
  const source = await RtpSource.open(options);
  const client = new WhipClient({
    url: new URL(`/whip/${STREAM}`, url),
    tracks: source.tracks,
    onKeyFrameRequest,
  });
  const stop = async () => {
    await Promise.all([source.close(), client.close()]);
  };
  try {
    const { postedAt } = await client.connect();
    source.start(options);
    return { client, postedAt: performance.timeOrigin + postedAt, keyFramesAsked: () => asked, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function sourceFile(name: SourceName): Promise<string> {
  const { size, rate, kilobits } = SOURCES[name];
  return madeOnce(`bench-${size}-${rate}-${kilobits}k.mp4`, (path) =>
    promisify(execFile)(findFfmpeg(), [
      ...'-v error -f lavfi -i'.split(' '),
      `testsrc2=size=${size}:rate=${rate},noise=alls=10:allf=t,format=yuv420p`,
      ...'-f lavfi -i sine=frequency=440:sample_rate=48000 -t 20'.split(' '),
      ...`-c:v libx264 -preset veryfast -profile:v baseline -g ${rate} -bf 0 -sc_threshold 0`.split(' '),
      ...`-b:v ${kilobits}k -minrate ${kilobits}k -maxrate ${kilobits}k -bufsize ${kilobits / 2}k`.split(' '),
      ...'-c:a libopus -b:a 64k'.split(' '),
      path,
    ]),
  );
}
