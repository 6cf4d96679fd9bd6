/** VP9 and AV1 as encoders make them, packed as RTP has them, and back. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFfmpeg } from '../../../../workers/ffmpeg/binary.ts';
import { ObuReader, obuType, readSequence, withSize } from '../../../../workers/ffmpeg/record/av1.ts';
import { createFrameReader, type Frame } from '../../../../workers/ffmpeg/record/frames.ts';
import { readVp9Payload, vp9KeyFrameSize, vp9Picture } from '../../../../workers/ffmpeg/record/vp9.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pharos-vp9-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  execFileSync(findFfmpeg(), ['-hide_banner', '-loglevel', 'warning', '-y', ...args], { encoding: 'utf8' });

function encoded(
  name: string,
  size: string,
  frames: number,
  words: string,
): { file: string; frames: Buffer[] } {
  const file = join(folder, name);
  run(
    '-f',
    'lavfi',
    '-i',
    `testsrc=size=${size}:rate=10`,
    '-frames:v',
    String(frames),
    '-pix_fmt',
    'yuv420p',
    ...words.split(' '),
    file,
  );
  const ivf = readFileSync(file);
  const found: Buffer[] = [];
  for (let at = 32; at < ivf.length; ) {
    const end = at + 12 + ivf.readUInt32LE(at);
    found.push(ivf.subarray(at + 12, end));
    at = end;
  }
  return { file, frames: found };
}

function pictures(file: string): string[] {
  return run('-i', file, '-fps_mode', 'passthrough', '-f', 'framemd5', '-')
    .split('\n')
    .filter((line) => line.startsWith('0'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

const VP9 =
  '-c:v libvpx-vp9 -error-resilient 1 -lag-in-frames 0 -auto-alt-ref 0 -deadline realtime -cpu-used 8 -b:v 500k';

test.each([
  ['320x180', ''],
  ['640x360', ' -aq-mode 3 -sharpness 3'],
  ['1280x720', ' -aq-mode 3 -tile-columns 2'],
  // Contexts go on from one frame to the next, which says so in its header.
  ['322x182', ' -error-resilient 0'],
])('VP9 of %s%s: of two frames that are one picture the second alone is shown, as it was', (size, more) => {
  const { file, frames } = encoded('in.ivf', size, 8, `${VP9}${more} -f ivf`);
  expect(frames).toHaveLength(8);
  const [width = 0, height = 0] = size.split('x').map(Number);
  expect(vp9KeyFrameSize(frames[0] ?? Buffer.alloc(0))).toEqual({ width, height });
  expect(vp9KeyFrameSize(frames[1] ?? Buffer.alloc(0))).toBeUndefined();
  const header = readFileSync(file).subarray(0, 32);
  const joined = [0, 2, 4, 6].map((at) => vp9Picture(frames.slice(at, at + 2), [width, width]));
  const parts = joined.flatMap((frame, index) => {
    const head = Buffer.alloc(12);
    head.writeUInt32LE(frame.length);
    head.writeUInt32LE(index, 4);
    return [head, frame];
  });
  const out = join(folder, 'out.ivf');
  writeFileSync(out, Buffer.concat([header, ...parts]));
  const before = pictures(file);
  expect(before).toHaveLength(8);
  const after = pictures(out);
  expect(after).toHaveLength(4);
  // Motion is told by that of the last picture, if that was shown: where contexts go on, decoders differ then.
  if (!more.includes('-error-resilient 0')) expect(after).toEqual([1, 3, 5, 7].map((at) => before[at]));
});

test('VP9: descriptors of all kinds', () => {
  const read = (text: string) => readVp9Payload(Buffer.from(text, 'hex'));
  const whole = { start: true, end: true, spatialLayer: 0, sizes: undefined };
  expect(read('0caa')).toEqual({ ...whole, data: Buffer.from('aa', 'hex') });
  // A picture's number of 7 and of 15 bits, a layer, and what it builds on.
  expect(read('8c05aa')).toMatchObject({ ...whole, data: Buffer.from('aa', 'hex') });
  expect(read('ac85061401aa')).toMatchObject({ ...whole, spatialLayer: 2, data: Buffer.from('aa', 'hex') });
  expect(read('fc0514030502aa')).toMatchObject({ spatialLayer: 2, data: Buffer.from('aa', 'hex') });
  // Two sizes, and a group of one picture that refers to another.
  expect(read('2a0000380140 00b4 0280 0168 01 04 01 aa'.replaceAll(' ', ''))).toMatchObject({
    start: true,
    end: false,
    sizes: [
      { width: 320, height: 180 },
      { width: 640, height: 360 },
    ],
    data: Buffer.from('aa', 'hex'),
  });
  for (const cut of ['', '0c', '8c', 'ac8506', '2a00003801']) expect(read(cut)).toBeUndefined();
});

test('AV1: what a file is told of it is what ffmpeg makes of it', () => {
  const words = '-c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0 -b:v 200k';
  const { file, frames } = encoded('av1.ivf', '320x180', 2, `${words} -f ivf`);
  // Behind the temporal delimiter, which RTP has not.
  const unit = (frames[0] ?? Buffer.alloc(0)).subarray(2);
  const sequence = readSequence(unit.subarray(0, 2 + (unit[1] ?? 0)));
  expect(sequence).toMatchObject({ width: 320, height: 180 });
  const webm = join(folder, 'av1.webm');
  run('-i', file, '-c', 'copy', webm);
  expect(readFileSync(webm).includes(sequence?.configuration ?? 'nothing')).toBe(true);
});

test('AV1: units come out of packets as they went in, whole, in fragments, counted or with lengths', () => {
  const [sequence, frame] = [Buffer.from('0a0102', 'hex'), Buffer.from(`30${'ab'.repeat(200)}`, 'hex')];
  const reader = new ObuReader();
  const first = Buffer.concat([
    Buffer.from('60', 'hex'),
    Buffer.from('03', 'hex'),
    sequence,
    frame.subarray(0, 90),
  ]);
  expect(reader.push(first)).toEqual([sequence]);
  expect(reader.open).toBe(true);
  expect(reader.push(Buffer.concat([Buffer.from('90', 'hex'), frame.subarray(90)]))).toEqual([frame]);
  // Of 201 bytes, in two bytes of length.
  expect(reader.push(Buffer.concat([Buffer.from('00c901', 'hex'), frame]))).toEqual([frame]);
  // What goes on from a packet that was lost.
  expect(reader.push(Buffer.from('9001', 'hex'))).toBeUndefined();
  expect(reader.push(Buffer.from('000501', 'hex'))).toBeUndefined();
  expect(obuType(frame)).toBe(6);
  expect(withSize(frame)?.subarray(0, 4).toString('hex')).toBe('32c801ab');
  expect(withSize(sequence)).toEqual(sequence);
});

test('what no encoder makes is no frame, and no error', () => {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  for (const codec of ['VP9', 'AV1'] as const) {
    const reader = createFrameReader(codec, 0);
    const frames: Frame[] = [];
    for (let count = 0; count < 20_000; count++) {
      const payload = Buffer.from(Array.from({ length: random() % 40 }, random));
      const packet = {
        ssrc: 1,
        sequence: count & 0xffff,
        timestamp: count >> 1,
        marker: count % 2 === 1,
        payload,
      };
      frames.push(...reader.push({ packet, arrival: 0, missing: 0 }));
    }
    for (const { key, format } of frames) if (key) expect(format).toMatchObject({ codec });
  }
});
