/** What the recorder reads and writes of RTP (RFC 3550) and RTCP. Pure. */

export type RtpPacket = {
  ssrc: number;
  sequence: number;
  timestamp: number;
  /** The last of a frame of video. */
  marker: boolean;
  payload: Buffer;
  /** How far the picture must be turned clockwise to stand upright (3GPP TS 26.114, section 7.4.5). */
  rotation?: number;
};

/** At `time` (ms since 1900, of the sender's clock) the media time was `timestamp`. */
export type SenderReport = { ssrc: number; time: number; timestamp: number };

const RTP_HEADER = 12;
const SENDER_REPORT = 200;
const TRANSPORT_FEEDBACK = 205;
const NACK = 1;
const ONE_BYTE_EXTENSIONS = 0xbede;

/** RFC 5761, section 4. */
export function isRtcp(data: Buffer): boolean {
  const type = data[1] ?? 0;
  return type >= 192 && type <= 223;
}

/** @param rotationId The id of the header extension that tells of rotation. */
export function parseRtp(data: Buffer, rotationId?: number): RtpPacket | undefined {
  const [first = 0, second = 0] = data;
  if (data.length < RTP_HEADER || first >> 6 !== 2) return undefined;
  let start = RTP_HEADER + 4 * (first & 0x0f);
  let rotation: number | undefined;
  if (first & 0x10) {
    if (start + 4 > data.length) return undefined;
    const end = start + 4 + 4 * data.readUInt16BE(start + 2);
    if (rotationId !== undefined && data.readUInt16BE(start) === ONE_BYTE_EXTENSIONS) {
      rotation = rotationOf(data.subarray(start + 4, end), rotationId);
    }
    start = end;
  }
  const end = data.length - (first & 0x20 ? (data.at(-1) ?? 0) : 0);
  if (start > end) return undefined;
  return {
    ssrc: data.readUInt32BE(8),
    sequence: data.readUInt16BE(2),
    timestamp: data.readUInt32BE(4),
    marker: (second & 0x80) !== 0,
    payload: data.subarray(start, end),
    ...(rotation !== undefined && { rotation }),
  };
}

/** RFC 8285, section 4.2. */
function rotationOf(extensions: Buffer, id: number): number | undefined {
  for (let at = 0; at < extensions.length; ) {
    const head = extensions[at++] ?? 0;
    if (head === 0) continue;
    if (head >> 4 === id) return ((extensions[at] ?? 0) & 3) * 90;
    if (head >> 4 === 15) return undefined;
    at += (head & 0x0f) + 1;
  }
  return undefined;
}

/** The sender reports in a compound packet (RFC 3550, section 6.4.1). */
export function senderReports(compound: Buffer): SenderReport[] {
  const reports: SenderReport[] = [];
  for (let rest = compound; rest.length >= 4; ) {
    const length = 4 * (rest.readUInt16BE(2) + 1);
    if (length > rest.length) break;
    if (rest[1] === SENDER_REPORT && length >= 28) {
      const time = rest.readUInt32BE(8) * 1000 + (rest.readUInt32BE(12) * 1000) / 2 ** 32;
      reports.push({ ssrc: rest.readUInt32BE(4), time, timestamp: rest.readUInt32BE(16) });
    }
    rest = rest.subarray(length);
  }
  return reports;
}

/** Asks for packets again (RFC 4585, section 6.2.1). */
export function nack(ssrc: number, sequences: readonly number[]): Buffer {
  const entries: { first: number; mask: number }[] = [];
  for (const sequence of sequences) {
    const last = entries.at(-1);
    const distance = last === undefined ? 0 : sequenceDistance(last.first, sequence);
    if (last !== undefined && distance >= 1 && distance <= 16) last.mask |= 1 << (distance - 1);
    else entries.push({ first: sequence, mask: 0 });
  }
  const packet = Buffer.alloc(12 + 4 * entries.length);
  packet[0] = 0x80 | NACK;
  packet[1] = TRANSPORT_FEEDBACK;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  // The sender of this is nobody's source.
  packet.writeUInt32BE(0, 4);
  packet.writeUInt32BE(ssrc, 8);
  for (const [index, { first, mask }] of entries.entries()) {
    packet.writeUInt16BE(first, 12 + 4 * index);
    packet.writeUInt16BE(mask, 14 + 4 * index);
  }
  return packet;
}

/** How far `to` is after `from`, in 16 bits that wrap: negative if it is before. */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}
