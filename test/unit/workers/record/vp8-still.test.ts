import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFfmpeg } from '../../../../workers/ffmpeg/binary.ts';
import { stillFrame } from '../../../../workers/ffmpeg/record/vp8-still.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pharos-still-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  execFileSync(findFfmpeg(), ['-hide_banner', '-loglevel', 'warning', '-y', ...args], { encoding: 'utf8' });

/** The pictures of an IVF file. */
function pictures(file: string, decoder: string): string[] {
  const text = run('-c:v', decoder, '-i', file, '-fps_mode', 'passthrough', '-f', 'framemd5', '-');
  return text
    .split('\n')
    .filter((line) => line.startsWith('0'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

function withFrames(ivf: Buffer, change: (frame: Buffer, index: number) => Buffer[]): Buffer {
  const frames: Buffer[] = [];
  for (let at = 32, index = 0; at < ivf.length; index++) {
    const end = at + 12 + ivf.readUInt32LE(at);
    frames.push(...change(ivf.subarray(at + 12, end), index));
    at = end;
  }
  const parts = frames.flatMap((frame, index) => {
    const header = Buffer.alloc(12);
    header.writeUInt32LE(frame.length);
    header.writeUInt32LE(index, 4);
    return [header, frame];
  });
  return Buffer.concat([ivf.subarray(0, 32), ...parts]);
}

test.each([
  [640, 360, ''],
  [1280, 720, ''],
  [322, 182, ''],
  [16, 16, ''],
  // Segments, and partitions that are decoded apart.
  [640, 480, '-static-thresh 100 -cpu-used -6 -slices 4'],
])(
  '%ix%i %s: shows the last picture again, and the next ones are as if it had not been',
  (width, height, more) => {
    const [original, mixed] = [join(folder, 'original.ivf'), join(folder, 'mixed.ivf')];
    const source = `testsrc2=size=${width}x${height}:rate=30,noise=alls=8:allf=t,format=yuv420p`;
    const encoder = `-frames:v 12 -c:v libvpx -deadline realtime -cpu-used 8 -b:v 300k -auto-alt-ref 0 ${more}`;
    run('-f', 'lavfi', '-i', source, ...encoder.split(' ').filter(Boolean), original);
    const still = stillFrame({ width, height });
    expect(still.length).toBeLessThan(150);
    const again = (index: number) => index % 7 === 3;
    writeFileSync(
      mixed,
      withFrames(readFileSync(original), (frame, index) => (again(index) ? [frame, still, still] : [frame])),
    );
    for (const decoder of ['vp8', 'libvpx']) {
      const expected = pictures(original, decoder).flatMap((each, index) =>
        again(index) ? [each, each, each] : [each],
      );
      expect(expected).toHaveLength(16);
      expect(pictures(mixed, decoder)).toEqual(expected);
    }
  },
  30_000,
);
