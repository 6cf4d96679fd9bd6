import { describe, expect, test } from 'vitest';
import { readFeedback, senderReport } from '../../../tools/lib/rtcp.ts';
import {
  GapCounter,
  isRtcp,
  isRtp,
  payloadOf,
  type RtpTrack,
  sequenceDistance,
  sequenceOf,
} from '../../../tools/lib/rtp.ts';
import { MediaClock, Sending } from '../../../tools/lib/sending.ts';

const SSRC = 0xdecafbad;
const TRACK: RtpTrack = { kind: 'video', codec: 'H264', payloadType: 96, ssrc: SSRC };

function rtp(sequence: number, timestamp = 0, payload = Buffer.from('payload')): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = 96;
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(SSRC, 8);
  return Buffer.concat([header, payload]);
}

describe('RTP', () => {
  test('is told from RTCP', () => {
    expect(isRtp(rtp(1))).toBe(true);
    expect(isRtcp(rtp(1))).toBe(false);
    const report = senderReport({ ssrc: SSRC, cname: 'c', packets: 1, octets: 1 }, 0, 0);
    expect(isRtp(report)).toBe(false);
    expect(isRtcp(report)).toBe(true);
    expect(isRtp(Buffer.alloc(0))).toBe(false);
    expect(isRtcp(Buffer.from([0x80, 200]))).toBe(false);
  });

  test('its payload is what is between header, extension and padding', () => {
    const plain = rtp(1);
    expect(payloadOf(plain).toString()).toBe('payload');
    const full = Buffer.concat([
      plain.subarray(0, 12),
      Buffer.alloc(4), // one contributing source
      Buffer.from([0xbe, 0xde, 0, 1, 1, 2, 3, 4]), // an extension of one word
      Buffer.from('payload'),
      Buffer.from([0, 0, 3]),
    ]);
    full[0] = 0x80 | 0x20 | 0x10 | 1;
    expect(payloadOf(full).toString()).toBe('payload');
  });

  test('numbers wrap', () => {
    expect(sequenceDistance(65535, 0)).toBe(1);
    expect(sequenceDistance(0, 65535)).toBe(-1);
    const gaps = new GapCounter();
    for (const sequence of [65534, 65535, 0, 3, 4, 1]) gaps.add(sequence);
    // 1 and 2 were missing; 1 came after all.
    expect(gaps.lost).toBe(1);
  });
});

describe('RTCP', () => {
  test('a sender report with its CNAME', () => {
    const time = Date.UTC(2026, 10, 21) + 250;
    const packet = senderReport({ ssrc: SSRC, cname: 'pharos', packets: 7, octets: 4200 }, time, 90_000);
    expect(packet.length % 4).toBe(0);
    expect([packet[0], packet[1], packet.readUInt16BE(2)]).toEqual([0x80, 200, 6]);
    expect(packet.readUInt32BE(8) - 2_208_988_800).toBe(Math.floor(time / 1000));
    expect(packet.readUInt32BE(12) / 2 ** 32).toBeCloseTo(0.25);
    expect([16, 20, 24].map((at) => packet.readUInt32BE(at))).toEqual([90_000, 7, 4200]);
    const names = packet.subarray(28);
    expect([names[0], names[1], names.readUInt16BE(2)]).toEqual([0x81, 202, names.length / 4 - 1]);
    expect(names.subarray(10, 16).toString()).toBe('pharos');
    expect(names[names.length - 1]).toBe(0);
  });

  /** Format, type and what follows the two SSRCs. */
  function feedback(format: number, type: number, media: number, ...words: number[]): Buffer {
    const packet = Buffer.alloc(12 + 4 * words.length);
    packet[0] = 0x80 | format;
    packet[1] = type;
    packet.writeUInt16BE(packet.length / 4 - 1, 2);
    packet.writeUInt32BE(media, 8);
    for (const [index, word] of words.entries()) packet.writeUInt32BE(word >>> 0, 12 + 4 * index);
    return packet;
  }

  test('NACK, PLI and FIR, in one compound', () => {
    const compound = Buffer.concat([
      feedback(1, 201, 0, 0, 0, 0, 0), // a receiver report
      feedback(1, 205, SSRC, (65535 << 16) | 0b101),
      feedback(1, 206, SSRC),
    ]);
    expect(readFeedback(compound, SSRC)).toEqual({ lost: [65535, 0, 2], keyFrame: true });
    expect(readFeedback(compound, 1)).toEqual({ lost: [], keyFrame: false });
    expect(readFeedback(feedback(4, 206, 0, SSRC, 0), SSRC)).toEqual({ lost: [], keyFrame: true });
    expect(readFeedback(feedback(4, 206, 0, 5, 0), SSRC).keyFrame).toBe(false);
  });

  test('whatever is cut off or too long is not read', () => {
    const whole = feedback(1, 205, SSRC, 7 << 16);
    for (let length = 0; length < whole.length; length++) {
      expect(readFeedback(whole.subarray(0, length), SSRC)).toEqual({ lost: [], keyFrame: false });
    }
  });
});

describe('the media clock', () => {
  test('goes by the packet that was least late', () => {
    const clock = new MediaClock(90_000);
    expect(clock.timestampAt(0)).toBeUndefined();
    const late = [30, 12, 0, 25, 3];
    for (const [index, delay] of late.entries())
      clock.observe(1000 + index * 3000, 5000 + (index * 100) / 3 + delay);
    expect(clock.timestampAt(5000)).toBe(1000);
    expect(clock.timestampAt(6000)).toBe(91_000);
  });

  test('wraps, and follows a source that fell behind', () => {
    const clock = new MediaClock(48_000);
    clock.observe(2 ** 32 - 480, 1000);
    clock.observe(0, 1010);
    clock.observe(480, 1020);
    expect(clock.timestampAt(1030)).toBe(960);
    // A second's pause: everything is later from now on.
    for (let at = 0; at < 30_000; at += 20) clock.observe((960 + at * 48) >>> 0, 2030 + at);
    expect(clock.timestampAt(32_030)).toBe(960 + 30_000 * 48);
  });
});

describe('sending', () => {
  function sink() {
    const sent: Buffer[] = [];
    return {
      sent,
      open: true,
      isOpen: () => true,
      sendMessageBinary: (packet: Buffer) => sent.push(packet) > 0,
    };
  }

  test('a burst is spread, in order, and all of it is out soon', async () => {
    const to = sink();
    const sending = new Sending(TRACK, 'c', to);
    for (let sequence = 0; sequence < 200; sequence++) sending.send(rtp(sequence));
    expect(to.sent.length).toBeLessThan(20);
    await expect.poll(() => to.sent.length, { interval: 5 }).toBe(200);
    expect(to.sent.map(sequenceOf)).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(sending).toMatchObject({ packets: 200, octets: 200 * 'payload'.length });
    sending.close();
  });

  test('sends again what is asked for, as long as it is kept', async () => {
    const to = sink();
    const sending = new Sending(TRACK, 'c', to);
    for (let sequence = 0; sequence < 1100; sequence++) sending.send(rtp(sequence));
    await expect.poll(() => to.sent.length, { interval: 5 }).toBe(1100);
    to.sent.length = 0;
    const nack = Buffer.alloc(20);
    nack.set([0x81, 205, 0, 4]);
    nack.writeUInt32BE(SSRC, 8);
    nack.writeUInt16BE(1000, 12);
    nack.writeUInt16BE(5, 16); // long gone
    expect(sending.feedback(nack)).toBe(false);
    expect(to.sent.map(sequenceOf)).toEqual([1000]);
    expect(sending.resent).toBe(1);
    sending.close();
  });

  test('reports once there is something to report', () => {
    const to = sink();
    const sending = new Sending(TRACK, 'c', to);
    sending.report(Date.now());
    expect(to.sent).toEqual([]);
    sending.send(rtp(1, 4500));
    sending.report(Date.now());
    expect(to.sent.map(isRtcp)).toEqual([false, true]);
    expect(to.sent[1]?.readUInt32BE(16)).toBeLessThan(4500 + 90 * 100);
    sending.close();
  });
});
