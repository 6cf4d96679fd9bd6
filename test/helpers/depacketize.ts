/** RTP packets as a file that ffmpeg reads. Sockets and jitter buffers would lose and wait; this does neither. */
import {
  markerOf,
  payloadOf,
  type RtpTrack,
  sequenceDistance,
  sequenceOf,
  timestampOf,
} from '../../tools/lib/rtp.ts';

/** In the order of their numbers, each once. */
export function inOrder(packets: readonly Buffer[]): Buffer[] {
  const first = packets[0];
  if (!first) return [];
  const base = sequenceOf(first);
  // From 20,000 before the first: more than any test has.
  const place = (packet: Buffer) => sequenceDistance(base, sequenceOf(packet));
  const sorted = [...packets].sort((a, b) => place(a) - place(b));
  return sorted.filter((packet, index) => {
    const before = sorted[index - 1];
    return payloadOf(packet).length > 0 && (!before || sequenceOf(before) !== sequenceOf(packet));
  });
}

export function depacketize(codec: RtpTrack['codec'], packets: readonly Buffer[]): Buffer {
  const ordered = inOrder(packets);
  if (codec === 'opus') return ogg(ordered);
  // The last frame may be on its way still.
  const whole = ordered.slice(0, ordered.findLastIndex(markerOf) + 1);
  return codec === 'H264' ? annexB(whole) : ivf(whole);
}

const START_CODE = Buffer.from([0, 0, 0, 1]);
const STAP_A = 24;
const FU_A = 28;

/** RFC 6184, sections 5.6, 5.7.1 and 5.8. */
function annexB(packets: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  for (const payload of packets.map(payloadOf)) {
    const type = (payload[0] ?? 0) & 0x1f;
    if (type === FU_A) parts.push(...fragment(payload));
    else if (type === STAP_A) parts.push(...aggregate(payload).flatMap((unit) => [START_CODE, unit]));
    else parts.push(START_CODE, payload);
  }
  return Buffer.concat(parts);
}

function fragment(payload: Buffer): Buffer[] {
  const [indicator = 0, header = 0] = payload;
  const rest = payload.subarray(2);
  if (!(header & 0x80)) return [rest];
  return [START_CODE, Buffer.from([(indicator & 0xe0) | (header & 0x1f)]), rest];
}

function aggregate(payload: Buffer): Buffer[] {
  const units: Buffer[] = [];
  for (let at = 1; at + 2 <= payload.length; ) {
    const length = payload.readUInt16BE(at);
    units.push(payload.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return units;
}

/** RFC 7741, section 4.2, into IVF: a header, and one before each frame. */
function ivf(packets: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(32);
  header.write('DKIF', 0);
  header.writeUInt16LE(32, 6);
  header.write('VP80', 8);
  header.writeUInt32LE(90_000, 16);
  header.writeUInt32LE(1, 20);
  const base = packets[0] ? timestampOf(packets[0]) : 0;
  const frames: Buffer[] = [];
  let parts: Buffer[] = [];
  for (const packet of packets) {
    parts.push(vp8(payloadOf(packet)));
    if (!markerOf(packet)) continue;
    const data = Buffer.concat(parts);
    parts = [];
    const frame = Buffer.alloc(12);
    frame.writeUInt32LE(data.length, 0);
    frame.writeBigUInt64LE(BigInt((timestampOf(packet) - base) >>> 0), 4);
    frames.push(frame, data);
  }
  return Buffer.concat([header, ...frames]);
}

function vp8(payload: Buffer): Buffer {
  let at = 1;
  if ((payload[0] ?? 0) & 0x80) {
    const extension = payload[at++] ?? 0;
    if (extension & 0x80) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
    if (extension & 0x40) at += 1;
    if (extension & 0x30) at += 1;
  }
  return payload.subarray(at);
}

const SERIAL = 1;

/** RFC 7845: Opus in Ogg, a packet a page. Without a pre-skip: what was sent before the viewer came is not there to skip. */
function ogg(packets: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0);
  head[8] = 1;
  head[9] = 2;
  head.writeUInt32LE(48_000, 12);
  const tags = Buffer.from('OpusTags\0\0\0\0\0\0\0\0', 'latin1');
  const base = packets[0] ? timestampOf(packets[0]) : 0;
  const pages = packets.map((packet, index) => {
    const next = packets[index + 1];
    const end = next ? timestampOf(next) : timestampOf(packet) + 960;
    return page(payloadOf(packet), index + 2, BigInt((end - base) >>> 0), 0);
  });
  return Buffer.concat([page(head, 0, 0n, 2), page(tags, 1, 0n, 0), ...pages]);
}

function page(data: Buffer, number: number, position: bigint, type: number): Buffer {
  const lacing = Array.from({ length: Math.floor(data.length / 255) + 1 }, (_, index) =>
    Math.min(255, data.length - 255 * index),
  );
  const header = Buffer.alloc(27 + lacing.length);
  header.write('OggS', 0);
  header[5] = type;
  header.writeBigUInt64LE(position, 6);
  header.writeUInt32LE(SERIAL, 14);
  header.writeUInt32LE(number, 18);
  header[26] = lacing.length;
  header.set(lacing, 27);
  const whole = Buffer.concat([header, data]);
  whole.writeUInt32LE(crc(whole), 22);
  return whole;
}

/** Ogg's own: not reflected, starting at zero. */
function crc(data: Buffer): number {
  let value = 0;
  for (const byte of data) {
    value ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  }
  return value >>> 0;
}
