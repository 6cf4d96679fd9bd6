import { describe, expect, test } from 'vitest';
import { type Ordered, ReorderBuffer } from '../../../../workers/ffmpeg/record/reorder.ts';

type Packet = { sequence: number };
const numbers = (ordered: Ordered<Packet>[]) => ordered.map(({ packet }) => packet.sequence);
const missing = (ordered: Ordered<Packet>[]) => ordered.map((each) => each.missing);

function pushAll(buffer: ReorderBuffer<Packet>, sequences: number[], now = 0): Ordered<Packet>[] {
  return sequences.flatMap((sequence) => buffer.push({ sequence }, now));
}

test('what is in order passes at once', () => {
  const buffer = new ReorderBuffer<Packet>();
  expect(numbers(pushAll(buffer, [65_534, 65_535, 0, 1]))).toEqual([65_534, 65_535, 0, 1]);
  expect(buffer.waiting).toBe(false);
});

test('what is swapped is put in order, also where numbers wrap', () => {
  const buffer = new ReorderBuffer<Packet>();
  expect(numbers(pushAll(buffer, [65_533, 65_535, 0, 65_534, 2, 1]))).toEqual([
    65_533, 65_534, 65_535, 0, 1, 2,
  ]);
  expect(buffer.lost).toBe(0);
});

test('none comes twice', () => {
  const buffer = new ReorderBuffer<Packet>();
  expect(numbers(pushAll(buffer, [1, 1, 2, 4, 4, 2, 3, 3]))).toEqual([1, 2, 3, 4]);
});

describe('a gap', () => {
  test('is waited for, then given up, and counted', () => {
    const buffer = new ReorderBuffer<Packet>();
    expect(numbers(pushAll(buffer, [10, 13], 0))).toEqual([10]);
    expect(buffer.waiting).toBe(true);
    expect(numbers(buffer.push({ sequence: 14 }, 300))).toEqual([]);
    const released = buffer.expire(400);
    expect(numbers(released)).toEqual([13, 14]);
    expect(missing(released)).toEqual([2, 0]);
    expect(buffer.lost).toBe(2);
    expect(buffer.waiting).toBe(false);
    // Too late.
    expect(buffer.push({ sequence: 11 }, 410)).toEqual([]);
  });

  test('behind another has its own time', () => {
    const buffer = new ReorderBuffer<Packet>();
    pushAll(buffer, [1, 3], 0);
    buffer.push({ sequence: 5 }, 300);
    expect(numbers(buffer.expire(400))).toEqual([3]);
    expect(numbers(buffer.expire(699))).toEqual([]);
    expect(numbers(buffer.expire(700))).toEqual([5]);
  });

  test('is asked for after a moment, and again', () => {
    const buffer = new ReorderBuffer<Packet>();
    pushAll(buffer, [65_534, 1, 3], 0);
    expect(buffer.wanted(5)).toEqual([]);
    expect(buffer.wanted(70)).toEqual([65_535, 0, 2]);
    expect(buffer.wanted(80)).toEqual([]);
    expect(buffer.wanted(140)).toEqual([65_535, 0, 2]);
    buffer.push({ sequence: 0 }, 150);
    expect(buffer.wanted(220)).toEqual([65_535, 2]);
  });

  test('is not waited for at the end', () => {
    const buffer = new ReorderBuffer<Packet>();
    pushAll(buffer, [1, 3, 6]);
    const released = buffer.flush();
    expect(numbers(released)).toEqual([3, 6]);
    expect(missing(released)).toEqual([1, 2]);
  });

  test('of thousands is a new beginning', () => {
    const buffer = new ReorderBuffer<Packet>();
    pushAll(buffer, [100, 102]);
    expect(numbers(buffer.push({ sequence: 40_000 }, 1))).toEqual([102, 40_000]);
    expect(numbers(buffer.push({ sequence: 40_001 }, 1))).toEqual([40_001]);
    expect(buffer.lost).toBe(1);
  });

  test('does not let the buffer grow without end', () => {
    const buffer = new ReorderBuffer<Packet>();
    buffer.push({ sequence: 0 }, 0);
    const released = Array.from({ length: 2500 }, (_, index) =>
      buffer.push({ sequence: index + 2 }, 1),
    ).flat();
    expect(released.length).toBeGreaterThan(2000);
  });
});
