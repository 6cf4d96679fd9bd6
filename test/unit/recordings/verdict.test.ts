import { describe, expect, test } from 'vitest';
import { type Expectation, judge, type Making } from '../../../server/recordings/verdict.ts';
import type { Inspection } from '../../../workers/ffmpeg/inspect.ts';
import { PacketScan } from '../../../workers/ffmpeg/packets.ts';

type Line = { at: number; size?: number; checksum?: number; key?: boolean; length?: number };

/** As ffmpeg lists them, in ms: video is stream 0, sound stream 1. */
function scanOf(video: Line[], audio: Line[]): PacketScan {
  const scan = new PacketScan();
  const header = ['tb 0: 1/1000', 'media_type 0: video', 'codec_id 0: vp8', 'dimensions 0: 640x360'];
  for (const line of header) scan.push(`#${line}`);
  for (const line of ['tb 1: 1/1000', 'media_type 1: audio', 'codec_id 1: opus']) scan.push(`#${line}`);
  const lines = [
    ...video.map((line) => ({ ...line, stream: 0 })),
    ...audio.map((line) => ({ ...line, stream: 1 })),
  ];
  for (const { stream, at, size = 100, checksum = 7 + at, key = true, length } of lines.sort(
    (a, b) => a.at - b.at,
  )) {
    const flags = key ? '' : ', F=0x0';
    scan.push(
      `${stream}, ${at}, ${at}, ${length ?? (stream ? 20 : 33)}, ${size}, 0x${checksum.toString(16).padStart(8, '0')}${flags}`,
    );
  }
  return scan;
}

const every = (ms: number, from = 0, to = 10_000): Line[] =>
  Array.from({ length: Math.ceil((to - from) / ms) }, (_, index) => ({ at: from + index * ms }));
const VIDEO = every(40).map((line) => ({ ...line, key: line.at % 1000 === 0 }));
const AUDIO = every(20);

function inspectionOf(scan: PacketScan, more: Partial<Inspection> = {}): Inspection {
  const decodedKeyFrames = scan.track('video')?.keyFrames ?? 0;
  return { opens: true, scan, decodedKeyFrames, sizes: [], errors: [], errorCount: 0, ...more };
}

const EXPECTED: Expectation = {
  kinds: ['audio', 'video'],
  expected: 10,
  absences: [],
  lostPackets: 0,
  receivedPackets: 1000,
  recovered: false,
};
const whole = scanOf(VIDEO, AUDIO);
const judged = (
  scan: PacketScan,
  more: Partial<Expectation> = {},
  inspection: Partial<Inspection> = {},
  making?: Making,
) => judge(inspectionOf(scan, inspection), { ...EXPECTED, ...more }, making);
const made = (more: Partial<Making> = {}): Making => ({
  ...{ source: whole, faults: [], mendedTimestamps: 0, leftOut: 0, encoded: false },
  ...more,
});

test('nothing wrong is ok', () => {
  expect(judged(whole)).toEqual({ verdict: 'ok', why: '', notes: [] });
  expect(judged(whole, {}, {}, made())).toEqual({ verdict: 'ok', why: '', notes: [] });
  expect(judged(whole, { expected: null }).verdict).toBe('ok');
});

test('one that ended in the moment in which it began may lack what had not come yet', () => {
  const moment = scanOf(VIDEO.slice(0, 20), []);
  expect(judged(moment, { expected: 0.8 })).toEqual({
    verdict: 'ok',
    why: '',
    notes: ['there is no sound in it'],
  });
  expect(judged(scanOf(VIDEO.slice(0, 40), []), { expected: 1.6 }).verdict).toBe('damaged');
});

test.each<[string, () => ReturnType<typeof judge>, string]>([
  [
    'does not open',
    () => judged(new PacketScan(), {}, { opens: false, errors: ['moov atom not found'] }),
    'it cannot be opened: moov atom not found',
  ],
  ['sound missing', () => judged(scanOf(VIDEO, [])), 'there is no sound in it'],
  [
    'timestamps that repeat',
    () => judged(scanOf([...VIDEO, { at: 5000 }], AUDIO)),
    '1 packet of the picture do not rise in time, from 5.0 s on',
  ],
  [
    'zeros',
    () =>
      judged(
        scanOf(
          VIDEO,
          AUDIO.map((line) => (line.at === 5000 ? { ...line, checksum: 0 } : line)),
        ),
      ),
    '1 packet of the sound hold nothing but zeros, 5.0 s to 5.0 s',
  ],
  [
    'no key frame',
    () =>
      judged(
        scanOf(
          VIDEO.map((line) => ({ ...line, key: false })),
          AUDIO,
        ),
      ),
    'its picture has no key frame',
  ],
  [
    'key frames that do not decode',
    () => judged(whole, {}, { decodedKeyFrames: 8 }),
    '2 of 10 key frames do not decode',
  ],
  [
    'decoder errors',
    () => judged(whole, {}, { errors: ['a', 'b'], errorCount: 30 }),
    'it does not decode cleanly: a (and 29 more)',
  ],
  [
    'packets missing in the copy',
    () => judged(scanOf(VIDEO.slice(0, -5), AUDIO), {}, {}, made()),
    '245 of 250 packets of picture are in it',
  ],
  [
    'other packets in the copy',
    () =>
      judged(
        scanOf(
          VIDEO.map((line) => ({ ...line, checksum: 9 })),
          AUDIO,
        ),
        {},
        {},
        made(),
      ),
    '250 of 250 packets of picture are in it, but not the same ones',
  ],
  [
    'shifted against each other',
    () =>
      judged(
        scanOf(
          VIDEO,
          AUDIO.map((line) => ({ ...line, at: line.at + 60, checksum: 7 + line.at })),
        ),
        {},
        {},
        made(),
      ),
    'sound and picture were shifted by 0.060 s in finishing',
  ],
  [
    'a clock that jumped',
    () => judged(whole, {}, {}, made({ mendedTimestamps: 10 })),
    '10 timestamps went back: a clock jumped',
  ],
  [
    'too short',
    () => judged(whole, { expected: 10.6 }),
    'it lasts 10.0 s, 0.6 s less than was recorded by the clock',
  ],
  [
    'much lost',
    () => judged(whole, { lostPackets: 11, receivedPackets: 989 }),
    '11 packets of 1000 did not reach the recorder',
  ],
  [
    'sound that stops',
    () => judged(scanOf(VIDEO, every(20, 0, 8500))),
    'there is no sound from 8.5 s to 10.0 s',
  ],
  [
    'a picture much later',
    () => judged(scanOf(every(40, 4000), AUDIO)),
    'there is no picture from 0.0 s to 4.0 s',
  ],
])('damaged: %s', (_, judgement, why) => {
  expect(judgement()).toMatchObject({ verdict: 'damaged', why });
});

test.each<[string, () => ReturnType<typeof judge>, string]>([
  ['after a crash', () => judged(whole, { recovered: true, expected: 14 }), 'it was finished after a crash'],
  [
    'a few timestamps',
    () => judged(whole, {}, {}, made({ mendedTimestamps: 2 })),
    '2 timestamps that went back were put right',
  ],
  [
    'unreadable bytes',
    () => judged(whole, {}, {}, made({ faults: ['File ended prematurely'] })),
    'something in it could not be read: File ended prematurely',
  ],
  [
    'an empty tail',
    () => judged(whole, {}, {}, made({ leftOut: 0.8 })),
    'the last 0.8 s had not reached the disk',
  ],
])('repaired: %s', (_, judgement, why) => {
  expect(judgement()).toMatchObject({ verdict: 'repaired', why });
});

describe('gaps', () => {
  const hole = (from: number, to: number) => (line: Line) => line.at <= from || line.at >= to;
  const gap = (kind: 'audio' | 'video', from: number, to: number) =>
    kind === 'audio'
      ? scanOf(VIDEO, AUDIO.filter(hole(from, to)))
      : scanOf(VIDEO.filter(hole(from, to)), AUDIO);

  test('of more than a second are damage; pictures of a screen that stands still are none', () => {
    expect(judged(gap('audio', 3000, 4200)).why).toBe('there is no sound from 3.0 s to 4.2 s');
    expect(judged(gap('audio', 3000, 3960)).verdict).toBe('ok');
    expect(judged(gap('video', 3000, 4200)).verdict).toBe('ok');
    expect(judged(gap('video', 3000, 4600)).why).toBe('there is no picture from 3.0 s to 4.6 s');
  });

  test('are explained by what the recorder knew, of this kind and at this time', () => {
    const scan = gap('video', 2000, 7000);
    const with_ = (kind: 'audio' | 'video' | 'both', from: number, to: number) =>
      judged(scan, { absences: [{ kind, from, to }] }).verdict;
    expect(with_('video', 2.5, 6.5)).toBe('ok');
    expect(with_('both', 2, 7)).toBe('ok');
    expect(with_('audio', 2, 7)).toBe('damaged');
    expect(with_('video', 2, 4)).toBe('damaged');
    expect(with_('video', 5, 7)).toBe('damaged');
  });

  test('where something could not be read, small ones count too', () => {
    expect(
      judged(gap('audio', 3000, 3500), {}, {}, made({ faults: ['x'], source: gap('audio', 3000, 3500) })),
    ).toMatchObject({ verdict: 'damaged' });
  });

  test('at the end, a crash explains up to two seconds', () => {
    const scan = scanOf(VIDEO, every(20, 0, 8500));
    expect(judged(scan, { recovered: true }).verdict).toBe('repaired');
    expect(judged(scanOf(VIDEO, every(20, 0, 7500)), { recovered: true }).verdict).toBe('damaged');
  });
});

test('a publisher whose clock is off by 100 ppm is no damage in a day', () => {
  const scan = scanOf([{ at: 0 }, { at: 86_400_000 }], []);
  const absences = [{ kind: 'both' as const, from: 0, to: 86_400 }];
  const of = (expected: number) => judged(scan, { kinds: ['video'], expected, absences }).verdict;
  expect(of(86_400 + 8.6)).toBe('ok');
  expect(of(86_400 + 30)).toBe('damaged');
});

test('what is worth knowing is noted: size, offsets, loss', () => {
  const sizes = [
    { at: 0, width: 640, height: 360 },
    { at: 4.04, width: 360, height: 640 },
  ];
  const { verdict, notes } = judged(scanOf(every(40, 400), AUDIO), { lostPackets: 1 }, { sizes });
  expect(verdict).toBe('ok');
  expect(notes).toEqual([
    'sound begins 0.40 s before picture',
    '1 packet of 1001 did not reach the recorder',
    'the picture changes its size: 640x360 at 0.0 s, 360x640 at 4.0 s',
  ]);
});

test('an encoded picture is not the packets that it was made of', () => {
  const encoded = scanOf(
    VIDEO.map((line) => ({ ...line, checksum: 9 })),
    AUDIO,
  );
  expect(judged(encoded, {}, {}, made({ encoded: true })).verdict).toBe('ok');
});
