/**
 * The RTCP that a sender needs: it reports what it sends (RFC 3550, section 6.4.1)
 * and reads what is asked of it (RFC 4585, section 6.2.1 and 6.3.1; RFC 5104, section 4.3.1).
 *
 * libdatachannel has handlers for both, which do not fit packets made elsewhere: its
 * reporter takes the time of a packetizer of its own, and its NACK responder would keep
 * our reports among the packets. ffmpeg's own reports do not fit either: each of its two
 * outputs begins counting when its encoder is up, which puts sound and picture tens of
 * milliseconds apart.
 */

const SENDER_REPORT = 200;
const SOURCE_DESCRIPTION = 202;
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;
const NACK = 1;
const PLI = 1;
const FIR = 4;

/** Seconds from 1900, where NTP begins, to 1970. */
const NTP_EPOCH = 2_208_988_800;

export type Sent = { ssrc: number; cname: string; packets: number; octets: number };

/** A compound packet: the media time `timestamp` was at `time` (ms since 1970). */
export function senderReport(sent: Sent, time: number, timestamp: number): Buffer {
  const report = Buffer.alloc(28);
  writeHeader(report, 0, SENDER_REPORT);
  report.writeUInt32BE(sent.ssrc, 4);
  const seconds = Math.floor(time / 1000);
  report.writeUInt32BE((seconds + NTP_EPOCH) % 2 ** 32, 8);
  report.writeUInt32BE(Math.floor((time / 1000 - seconds) * 2 ** 32), 12);
  report.writeUInt32BE(timestamp >>> 0, 16);
  report.writeUInt32BE(sent.packets >>> 0, 20);
  report.writeUInt32BE(sent.octets >>> 0, 24);
  return Buffer.concat([report, sourceDescription(sent.ssrc, sent.cname)]);
}

/** Section 6.5: the same CNAME for sound and picture says that they belong together. */
function sourceDescription(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname, 'ascii');
  // The item list ends with at least one zero, on a boundary of 32 bits.
  const packet = Buffer.alloc(8 + Math.ceil((2 + name.length + 1) / 4) * 4);
  writeHeader(packet, 1, SOURCE_DESCRIPTION);
  packet.writeUInt32BE(ssrc, 4);
  packet[8] = 1;
  packet[9] = name.length;
  name.copy(packet, 10);
  return packet;
}

function writeHeader(packet: Buffer, count: number, type: number): void {
  packet[0] = 0x80 | count;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
}

export type Feedback = {
  /** Sequence numbers of packets that are asked for again. */
  lost: number[];
  keyFrame: boolean;
};

/** What a compound packet asks of the sender of `ssrc`; anything malformed ends the reading. */
export function readFeedback(packet: Buffer, ssrc: number): Feedback {
  const feedback: Feedback = { lost: [], keyFrame: false };
  let rest = packet;
  while (rest.length >= 4) {
    const length = 4 * (rest.readUInt16BE(2) + 1);
    if (length > rest.length) break;
    readOne(rest.subarray(0, length), ssrc, feedback);
    rest = rest.subarray(length);
  }
  return feedback;
}

function readOne(packet: Buffer, ssrc: number, feedback: Feedback): void {
  const format = (packet[0] ?? 0) & 0x1f;
  const type = packet[1];
  if (packet.length < 12) return;
  const media = packet.readUInt32BE(8);
  if (type === TRANSPORT_FEEDBACK && format === NACK && media === ssrc) {
    for (let at = 12; at + 4 <= packet.length; at += 4) feedback.lost.push(...nackEntry(packet, at));
  } else if (type === PAYLOAD_FEEDBACK && format === PLI && media === ssrc) {
    feedback.keyFrame = true;
  } else if (type === PAYLOAD_FEEDBACK && format === FIR) {
    for (let at = 12; at + 8 <= packet.length; at += 8) {
      if (packet.readUInt32BE(at) === ssrc) feedback.keyFrame = true;
    }
  }
}

/** One sequence number, and a bit for each of the sixteen that follow it. */
function nackEntry(packet: Buffer, at: number): number[] {
  const first = packet.readUInt16BE(at);
  const mask = packet.readUInt16BE(at + 2);
  const following = Array.from({ length: 16 }, (_, bit) => bit).filter((bit) => mask & (1 << bit));
  return [first, ...following.map((bit) => (first + bit + 1) & 0xffff)];
}
