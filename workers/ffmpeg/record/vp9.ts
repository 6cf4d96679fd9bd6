/** VP9 (its bitstream specification, version 0.7) and its RTP payload format (RFC 9628), as far as a recorder looks. Pure. */
import { BitReader } from './bits.ts';
import type { Size } from './vp8.ts';

export type Vp9Payload = {
  /** The first packet of a frame, and the last: of one of the picture's spatial layers. */
  start: boolean;
  end: boolean;
  /** 0 has the smallest picture. */
  spatialLayer: number;
  /** Of each spatial layer, where the packet tells. */
  sizes: Size[] | undefined;
  data: Buffer;
};

/** Section 4.2; undefined of one that is cut off, or that has nothing behind the descriptor. */
export function readVp9Payload(payload: Buffer): Vp9Payload | undefined {
  const bits = new BitReader(payload);
  try {
    const [hasId, predicted, layered, flexible, start, end, structured] = Array.from({ length: 7 }, () =>
      bits.flag(),
    );
    bits.read(1);
    if (hasId) bits.read(bits.flag() ? 15 : 7);
    let spatialLayer = 0;
    if (layered) {
      bits.read(4);
      spatialLayer = bits.read(3);
      bits.read(1);
      if (!flexible) bits.read(8);
    }
    if (flexible && predicted) for (let more = true; more; ) more = (bits.read(8) & 1) === 1;
    const sizes = structured ? readStructure(bits) : undefined;
    const data = payload.subarray(bits.position / 8);
    if (data.length === 0) return undefined;
    return { start: start === true, end: end === true, spatialLayer, sizes, data };
  } catch {
    return undefined;
  }
}

/** Section 4.2.1. */
function readStructure(bits: BitReader): Size[] | undefined {
  const layers = bits.read(3) + 1;
  const [sized, grouped] = [bits.flag(), bits.flag()];
  bits.read(3);
  const sizes = sized
    ? Array.from({ length: layers }, () => ({ width: bits.read(16), height: bits.read(16) }))
    : undefined;
  const pictures = grouped ? bits.read(8) : 0;
  for (let picture = 0; picture < pictures; picture++) {
    bits.read(4);
    const references = bits.read(2);
    bits.read(2 + 8 * references);
  }
  return sizes;
}

/** Section 6.2: of profile 0, which is what routers carry. */
const FRAME = { marker: 0xf0, profile0: 0x80, existing: 0x08, inter: 0x04, shown: 0x02, resilient: 0x01 };
const SYNC_CODE = 0x498342;

/** Of a key frame; undefined of any other. */
export function vp9KeyFrameSize(frame: Buffer): Size | undefined {
  const first = frame[0] ?? 0;
  if ((first & FRAME.marker) !== FRAME.profile0 || first & (FRAME.existing | FRAME.inter)) return undefined;
  if (frame.length < 9 || frame.readUIntBE(1, 3) !== SYNC_CODE) return undefined;
  const bits = new BitReader(frame.subarray(4));
  // color_config: of RGB there is none in profile 0.
  bits.read(4);
  return { width: bits.read(16) + 1, height: bits.read(16) + 1 };
}

const MOST_FRAMES = 8;

/**
 * The frames of a picture's spatial layers as one (annex B). All but the last are marked as not to be shown:
 * players show whatever is marked to be, and encoders mark all, as who receives RTP shows the last.
 * @param widths In pixels, of each frame.
 * @throws RangeError if one is not what it should be.
 */
export function vp9Picture(frames: readonly Buffer[], widths: readonly number[]): Buffer {
  const parts = frames.map((frame, index) =>
    index < frames.length - 1 ? hidden(frame, widths[index] ?? 0) : frame,
  );
  if (parts.length === 1) return Buffer.concat(parts);
  if (parts.length > MOST_FRAMES) throw new RangeError('more frames than annex B has room for');
  const marker = 0b11000000 | (3 << 3) | (parts.length - 1);
  const sizes = Buffer.alloc(4 * parts.length);
  for (const [index, { length }] of parts.entries()) sizes.writeUInt32LE(length, 4 * index);
  return Buffer.concat([...parts, Buffer.from([marker]), sizes, Buffer.from([marker])]);
}

/** The frame with `show_frame` at 0, which adds `intra_only` to the header of one that is no key frame. */
function hidden(frame: Buffer, width: number): Buffer {
  const first = frame[0] ?? 0;
  if ((first & FRAME.marker) !== FRAME.profile0 || first & FRAME.existing) throw new RangeError('no frame');
  if ((first & FRAME.shown) === 0) return frame;
  const head = Buffer.from([first & ~FRAME.shown]);
  if ((first & FRAME.inter) === 0) return Buffer.concat([head, frame.subarray(1)]);
  const end = interHeaderBits(frame, width);
  const bytes = Math.ceil(end / 8);
  // Everything behind the first byte goes on by one bit, which is 0.
  const rest = Buffer.alloc(Math.ceil((end + 1) / 8) - 1);
  for (let index = 0; index < rest.length; index++) {
    const before = index > 0 ? (frame[index] ?? 0) : 0;
    const now = index + 1 < bytes ? (frame[index + 1] ?? 0) : 0;
    rest[index] = ((before << 7) | (now >> 1)) & 0xff;
  }
  return Buffer.concat([head, rest, frame.subarray(bytes)]);
}

/** How long the uncompressed header of a shown inter frame is (section 6.2), without its trailing bits. */
function interHeaderBits(frame: Buffer, width: number): number {
  const bits = new BitReader(frame);
  bits.read(7);
  const resilient = bits.flag();
  // Which contexts are reset, which references refreshed, and which three are used.
  if (!resilient) bits.read(2);
  bits.read(8 + 3 * 4);
  // frame_size_with_refs: as one of the references has it, or in numbers.
  const referred = [0, 1, 2].some(() => bits.flag());
  const own = referred ? width : bits.read(16) + 1;
  if (!referred) bits.read(16);
  bits.optional(32);
  bits.read(1);
  // Not switchable: which filter.
  if (!bits.flag()) bits.read(2);
  if (!resilient) bits.read(2);
  bits.read(2);
  skipLoopFilter(bits);
  bits.read(8);
  for (let delta = 0; delta < 3; delta++) bits.optional(5);
  skipSegmentation(bits);
  skipTiles(bits, own);
  bits.read(16);
  return bits.position;
}

function skipLoopFilter(bits: BitReader): void {
  bits.read(6 + 3);
  if (!bits.flag() || !bits.flag()) return;
  for (let delta = 0; delta < 4 + 2; delta++) bits.optional(7);
}

/** The bits of each feature's value; those of the first two have a sign too. */
const SEGMENT_FEATURES = [8 + 1, 6 + 1, 2, 0];

function skipSegmentation(bits: BitReader): void {
  if (!bits.flag()) return;
  if (bits.flag()) {
    for (let node = 0; node < 7; node++) bits.optional(8);
    if (bits.flag()) for (let each = 0; each < 3; each++) bits.optional(8);
  }
  if (!bits.flag()) return;
  bits.read(1);
  for (let segment = 0; segment < 8; segment++) for (const size of SEGMENT_FEATURES) bits.optional(size);
}

/** Columns are 256 pixels wide at least, and 4096 at most. */
function skipTiles(bits: BitReader, width: number): void {
  const blocks = Math.ceil(width / 64);
  let least = 0;
  while (64 << least < blocks) least += 1;
  let most = 1;
  while (blocks >> most >= 4) most += 1;
  for (let columns = least; columns < most - 1 && bits.flag(); ) columns += 1;
  if (bits.flag()) bits.read(1);
}
