import { describe, expect, test } from 'vitest';
import { createFrameReader, type Frame, type FrameReader } from '../../../../workers/ffmpeg/record/frames.ts';
import type { RtpPacket } from '../../../../workers/ffmpeg/record/rtp.ts';

type Sent = {
  payload: Buffer | string;
  timestamp?: number;
  marker?: boolean;
  missing?: number;
  rotation?: number;
};

/** Payloads in hexadecimal. */
function push(reader: FrameReader, ...sent: Sent[]): Frame[] {
  return sent.flatMap(({ payload, timestamp = 0, marker = false, missing = 0, rotation }, index) => {
    const data = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload;
    const packet: RtpPacket = { ssrc: 1, sequence: index, timestamp, marker, payload: data };
    if (rotation !== undefined) packet.rotation = rotation;
    return reader.push({ packet, arrival: 5, missing });
  });
}

const hex = (frames: Frame[]) => frames.map(({ data }) => data.toString('hex'));

/** 1280x720, constrained baseline. */
const SPS = '6742c01ed9005005bbffc00040003c4f162e48';
const PPS = '68cb83cb20';
const IDR = '65888404bf';
const SLICE = '419a2400ff';

describe('H.264', () => {
  const video = () => createFrameReader('H264', 0);
  const stap = `78${size(SPS)}${SPS}${size(PPS)}${PPS}`;

  function size(unit: string): string {
    return (unit.length / 2).toString(16).padStart(4, '0');
  }

  const sample = (...units: string[]) => units.map((unit) => `0000${size(unit)}${unit}`).join('');

  test('units, alone and together, are a frame of a file', () => {
    const reader = video();
    const frames = push(
      reader,
      { payload: stap, timestamp: 1 },
      { payload: IDR, timestamp: 1, marker: true },
      { payload: SLICE, timestamp: 2, marker: true },
    );
    expect(hex(frames)).toEqual([sample(SPS, PPS, IDR), sample(SLICE)]);
    expect(frames.map(({ key, timestamp, arrival }) => [key, timestamp, arrival])).toEqual([
      [true, 1, 5],
      [false, 2, 5],
    ]);
    expect(frames[0]?.format).toMatchObject({ codec: 'H264', width: 1280, height: 720, reordered: false });
    expect(frames[1]?.format).toBeUndefined();
  });

  test('fragments become one unit', () => {
    const reader = video();
    push(reader, { payload: stap });
    const frames = push(
      reader,
      { payload: '7c85888404' },
      { payload: '7c05aabb' },
      { payload: '7c45bf', marker: true },
    );
    expect(hex(frames)).toEqual([sample(SPS, PPS, '65888404aabbbf')]);
  });

  test('delimiters and fillers are left out', () => {
    const reader = video();
    const frames = push(
      reader,
      { payload: '09f0' },
      { payload: stap },
      { payload: '0cffff' },
      { payload: IDR, marker: true },
    );
    expect(hex(frames)).toEqual([sample(SPS, PPS, IDR)]);
  });

  test('parameter sets may come apart from the stream', () => {
    const announced = [SPS, PPS].map((unit) => Buffer.from(unit, 'hex').toString('base64')).join(',');
    expect(push(video(), { payload: IDR, marker: true })).toEqual([]);
    const frames = push(createFrameReader('H264', 0, announced), { payload: IDR, marker: true });
    expect(frames[0]?.format).toMatchObject({ width: 1280, height: 720 });
  });

  test('a frame ends with the next one where no marker says so', () => {
    const reader = video();
    const frames = push(
      reader,
      { payload: stap, timestamp: 1 },
      { payload: IDR, timestamp: 1 },
      { payload: SLICE, timestamp: 2 },
      { payload: SLICE, timestamp: 3 },
    );
    expect(frames.map(({ timestamp }) => timestamp)).toEqual([1, 2]);
  });

  test('after a loss nothing comes before the next key frame', () => {
    const reader = video();
    push(reader, { payload: stap }, { payload: IDR, marker: true });
    expect(push(reader, { payload: SLICE, timestamp: 2, marker: true, missing: 1 })).toEqual([]);
    expect(reader.wantsKeyFrame).toBe(true);
    expect(push(reader, { payload: SLICE, timestamp: 3, marker: true })).toEqual([]);
    expect(reader.dropped).toBe(2);
    const frames = push(
      reader,
      { payload: stap, timestamp: 4 },
      { payload: IDR, timestamp: 4, marker: true },
    );
    expect(frames).toHaveLength(1);
    expect(reader.wantsKeyFrame).toBe(false);
  });

  test.each([
    [
      'its first fragment',
      [
        { payload: '7c05aabb', missing: 1 },
        { payload: '7c45bf', marker: true },
      ],
    ],
    ['one in the middle', [{ payload: '7c85888404' }, { payload: '7c45bf', marker: true, missing: 1 }]],
    ['its last', [{ payload: '7c85888404' }, { payload: SLICE, timestamp: 9, marker: true, missing: 1 }]],
    // first_mb_in_slice is not 0.
    ['its first slice', [{ payload: '65508404bf', marker: true, missing: 1 }]],
    ['nothing, but it is cut short', [{ payload: '78ffff00', marker: true }]],
  ])('a key frame that lacks %s is none', (_name, rest) => {
    const reader = video();
    push(reader, { payload: stap }, { payload: IDR, marker: true });
    expect(push(reader, ...rest.map((each) => ({ timestamp: 3, ...each })))).toEqual([]);
    expect(reader.wantsKeyFrame).toBe(true);
  });
});

describe('VP8', () => {
  const key = '10020000' + '9d012a' + '8002' + '6801';
  const video = () => createFrameReader('VP8', 0);

  test('packets become a frame, whatever their descriptors', () => {
    const reader = video();
    const frames = push(
      reader,
      { payload: `90${'80'}${'8123'}${key.slice(2)}`, timestamp: 1 },
      { payload: `00aabb`, timestamp: 1, marker: true },
      { payload: `9030ff010203`, timestamp: 2, marker: true },
    );
    expect(hex(frames)).toEqual([`${key.slice(2)}aabb`, '010203']);
    expect(frames[0]).toMatchObject({
      key: true,
      format: { codec: 'VP8', width: 640, height: 360, rotation: 0 },
    });
    expect(frames[1]).toMatchObject({ key: false });
  });

  test('a frame that lacks its beginning is none', () => {
    const reader = video();
    push(reader, { payload: key, marker: true });
    expect(push(reader, { payload: `00aabb`, timestamp: 2, marker: true, missing: 1 })).toEqual([]);
    expect(reader.wantsKeyFrame).toBe(true);
  });

  test('tells how pictures have to be turned', () => {
    const frames = push(video(), { payload: key, marker: true, rotation: 90 });
    expect(frames[0]?.format).toMatchObject({ rotation: 90 });
  });

  test.each(['', '10', '90', '9080', '908080'])(
    'a descriptor without anything behind it (%s) is nothing',
    (payload) => {
      expect(push(video(), { payload, marker: true })).toEqual([]);
    },
  );
});

test('Opus: a packet is a frame', () => {
  const frames = push(
    createFrameReader('opus', 2),
    { payload: 'fc01', timestamp: 0 },
    { payload: '', timestamp: 960 },
    { payload: 'fc02', timestamp: 1920, missing: 1 },
  );
  expect(frames.map(({ timestamp, key }) => [timestamp, key])).toEqual([
    [0, true],
    [1920, true],
  ]);
  expect(frames[0]?.format).toEqual({ codec: 'opus', channels: 2 });
});
