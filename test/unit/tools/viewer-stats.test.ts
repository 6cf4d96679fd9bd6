import { describe, expect, test } from 'vitest';
import { TrackStats, ViewerStats } from '../../../tools/lib/viewer-stats.ts';

const CLOCK = 90_000;
/** Milliseconds between frames. */
const FRAME = 40;

function rtp({ sequence = 0, timestamp = 0, ssrc = 1, length = 12 }): Buffer {
  const packet = Buffer.alloc(length);
  packet[0] = 0x80;
  packet[1] = 96;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(timestamp % 2 ** 32, 4);
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}

/** A packet each frame, with how late each is. */
function lateBy(delays: readonly number[], { from = 0 } = {}): TrackStats {
  const stats = new TrackStats(CLOCK);
  for (const [index, delay] of delays.entries()) {
    const time = index * FRAME;
    stats.add(rtp({ sequence: index, timestamp: from + (time * CLOCK) / 1000 }), 5_000 + time + delay);
  }
  return stats;
}

describe('loss', () => {
  const lost = (...sequences: number[]) => {
    const stats = new TrackStats(CLOCK);
    for (const sequence of sequences) stats.add(rtp({ sequence }), 0);
    return stats.lost;
  };

  test.each([
    ['none', [7, 8, 9], 0],
    ['a gap', [7, 8, 11], 2],
    ['numbers wrap', [65534, 65535, 0, 1], 0],
    ['a gap where they wrap', [65534, 2], 3],
    ['one comes late', [1, 2, 4, 3, 5], 0],
    ['one comes late where they wrap', [65534, 0, 65535, 1], 0],
    ['one comes late, another one never', [1, 4, 2, 5], 1],
  ])('%s', (_, sequences, expected) => {
    expect(lost(...sequences)).toBe(expected);
  });

  test('another source is no gap, and what was lost of the one before stays lost', () => {
    const stats = new TrackStats(CLOCK);
    for (const sequence of [1, 3]) stats.add(rtp({ sequence, ssrc: 1 }), 0);
    for (const sequence of [20_000, 20_001, 20_003]) stats.add(rtp({ sequence, ssrc: 2 }), 0);
    expect(stats).toMatchObject({ lost: 2, packets: 5 });
  });
});

describe('jitter', () => {
  test('none, if all are equally late', () => {
    expect(lateBy(Array(50).fill(30)).jitter).toBeCloseTo(0);
  });

  test('as RFC 3550, appendix A.8 has it: a sixteenth of what is new', () => {
    expect(lateBy([0, 16]).jitter).toBeCloseTo(1);
    expect(lateBy([0, 16, 0]).jitter).toBeCloseTo(1 + (16 - 1) / 16);
    // Where each differs by 10 ms from the one before, it comes to that.
    expect(lateBy(Array.from({ length: 300 }, (_, index) => (index % 2) * 10)).jitter).toBeCloseTo(10);
  });

  test('timestamps wrap', () => {
    expect(lateBy(Array(50).fill(0), { from: 2 ** 32 - CLOCK }).jitter).toBeCloseTo(0);
  });

  test("another source's times are its own", () => {
    const stats = new TrackStats(CLOCK);
    stats.add(rtp({ ssrc: 1, timestamp: 0 }), 0);
    stats.add(rtp({ ssrc: 2, timestamp: 2 ** 31 }), 40);
    expect(stats.jitter).toBe(0);
  });
});

test('a viewer sums up both kinds, and knows when the first packet came', () => {
  const stats = new ViewerStats();
  expect(stats).toMatchObject({ packets: 0, bytes: 0, lost: 0, firstPacketAt: undefined });
  stats.add('audio', rtp({ sequence: 1, length: 100 }), 10);
  stats.add('video', rtp({ sequence: 1, length: 1000 }), 11);
  stats.add('video', rtp({ sequence: 3, length: 1000 }), 12);
  expect(stats).toMatchObject({ packets: 3, bytes: 2100, lost: 1, firstPacketAt: 10 });
  expect(stats.audio).toMatchObject({ packets: 1, lost: 0 });
});
