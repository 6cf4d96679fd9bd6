/** The few fields of RTP (RFC 3550, section 5.1) that a client looks at. */

export type MediaKind = 'audio' | 'video';

/** A stream as an offer announces it; packets carry the same payload type and SSRC. */
export type RtpTrack = {
  kind: MediaKind;
  codec: 'opus' | 'H264' | 'VP8';
  payloadType: number;
  ssrc: number;
};

export const CLOCK_RATE: Record<RtpTrack['codec'], number> = { opus: 48_000, H264: 90_000, VP8: 90_000 };

const HEADER = 12;

/** RFC 5761, section 4: what would be the payload types 64 to 95 with a marker is RTCP. */
export function isRtcp(packet: Buffer): boolean {
  const type = packet[1] ?? 0;
  return packet.length >= 8 && type >= 192 && type <= 223;
}

export function isRtp(packet: Buffer): boolean {
  return packet.length >= HEADER && (packet[0] ?? 0) >> 6 === 2 && !isRtcp(packet);
}

export const payloadTypeOf = (packet: Buffer): number => (packet[1] ?? 0) & 0x7f;
export const markerOf = (packet: Buffer): boolean => ((packet[1] ?? 0) & 0x80) !== 0;
export const sequenceOf = (packet: Buffer): number => packet.readUInt16BE(2);
export const timestampOf = (packet: Buffer): number => packet.readUInt32BE(4);
export const ssrcOf = (packet: Buffer): number => packet.readUInt32BE(8);

/** Without header, contributing sources, extension and padding. */
export function payloadOf(packet: Buffer): Buffer {
  const first = packet[0] ?? 0;
  let start = HEADER + 4 * (first & 0x0f);
  if (first & 0x10) start += 4 + 4 * packet.readUInt16BE(start + 2);
  const padding = first & 0x20 ? (packet[packet.length - 1] ?? 0) : 0;
  return packet.subarray(start, Math.max(start, packet.length - padding));
}

/** How far `to` is after `from`, in 16 bits that wrap: negative if it is before. */
export const sequenceDistance = (from: number, to: number): number => ((to - from) << 16) >> 16;

/** Counts the packets that never came, by the gaps between those that did. */
export class GapCounter {
  lost = 0;
  #next: number | undefined;

  add(sequence: number): void {
    const gap = this.#next === undefined ? 0 : sequenceDistance(this.#next, sequence);
    // One that comes late fills the gap it was counted in.
    if (gap < 0) this.lost = Math.max(0, this.lost - 1);
    else {
      this.lost += gap;
      this.#next = (sequence + 1) & 0xffff;
    }
  }
}
