/** VP8 (RFC 6386) and its RTP payload format (RFC 7741), as far as a recorder looks. Pure. */

export type Vp8Payload = {
  /** The first of a frame. */
  start: boolean;
  data: Buffer;
};

export type Size = { width: number; height: number };

/** RFC 7741, section 4.2; undefined if nothing is left behind the descriptor. */
export function readVp8Payload(payload: Buffer): Vp8Payload | undefined {
  const first = payload[0] ?? 0;
  let at = 1;
  if (first & 0x80) {
    const extension = payload[at++] ?? 0;
    if (extension & 0x80) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
    if (extension & 0x40) at += 1;
    if (extension & 0x30) at += 1;
  }
  if (at >= payload.length) return undefined;
  return { start: (first & 0x10) !== 0 && (first & 0x0f) === 0, data: payload.subarray(at) };
}

/** Of a key frame (RFC 6386, section 9.1); undefined of any other. */
export function keyFrameSize(frame: Buffer): Size | undefined {
  if (frame.length < 10 || ((frame[0] ?? 0) & 1) !== 0) return undefined;
  if (frame.readUIntBE(3, 3) !== 0x9d012a) return undefined;
  return { width: frame.readUInt16LE(6) & 0x3fff, height: frame.readUInt16LE(8) & 0x3fff };
}
