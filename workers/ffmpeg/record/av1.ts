/** AV1 (its bitstream specification, 1.0.0 with errata 1) and its RTP payload format (AOM, 1.0), as far as a recorder looks. Pure. */
import { BitReader } from './bits.ts';
import type { Size } from './vp8.ts';

export const OBU = { sequenceHeader: 1, temporalDelimiter: 2, tileList: 8, padding: 15 };
const HAS_EXTENSION = 0x04;
const HAS_SIZE = 0x02;

/** Where a number of variable length (section 4.10.5) ends, and what it is. */
function leb128(data: Buffer, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = data[at + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if ((byte & 0x80) === 0) return { value, end: at + index + 1 };
  }
  return undefined;
}

function leb128Bytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Buffer.from(bytes);
}

/** The OBUs of packets, put together from their fragments. */
export class ObuReader {
  #parts: Buffer[] = [];
  #open = false;

  /** Whether a fragment waits for its next one. */
  get open(): boolean {
    return this.#open;
  }

  reset(): void {
    this.#parts = [];
    this.#open = false;
  }

  /** Section 4.3 and 4.4 of the payload format; undefined if the packet does not fit those before it. */
  push(payload: Buffer): Buffer[] | undefined {
    const header = payload[0] ?? 0;
    const [continues, goesOn, count] = [(header & 0x80) !== 0, (header & 0x40) !== 0, (header >> 4) & 3];
    if (continues !== this.#open) return undefined;
    const elements = elementsOf(payload, count);
    if (!elements) return undefined;
    const units: Buffer[] = [];
    for (const [index, element] of elements.entries()) {
      this.#parts.push(element);
      this.#open = goesOn && index === elements.length - 1;
      if (this.#open) continue;
      units.push(Buffer.concat(this.#parts));
      this.#parts = [];
    }
    return units;
  }
}

/** @param count Of them; the last has no length then. 0: not told, and all have one. */
function elementsOf(payload: Buffer, count: number): Buffer[] | undefined {
  const elements: Buffer[] = [];
  let at = 1;
  while (at < payload.length) {
    const isLast = elements.length + 1 === count;
    const length = isLast ? { value: payload.length - at, end: at } : leb128(payload, at);
    if (!length || length.end + length.value > payload.length) return undefined;
    elements.push(payload.subarray(length.end, length.end + length.value));
    at = length.end + length.value;
  }
  return elements.length > 0 ? elements : undefined;
}

export const obuType = (unit: Buffer) => ((unit[0] ?? 0) >> 3) & 0x0f;

/** As files have it (section 5.2): with its size. Undefined if it is cut off. */
export function withSize(unit: Buffer): Buffer | undefined {
  const header = unit[0] ?? 0;
  const length = header & HAS_EXTENSION ? 2 : 1;
  if (unit.length < length) return undefined;
  if (header & HAS_SIZE) return unit;
  const head = Buffer.from(unit.subarray(0, length));
  head[0] = header | HAS_SIZE;
  return Buffer.concat([head, leb128Bytes(unit.length - length), unit.subarray(length)]);
}

export type Sequence = Size & {
  /** The AV1CodecConfigurationRecord (AV1 in ISO base media files, section 2.3). */
  configuration: Buffer;
};

/** @param unit An OBU with its size. Undefined if it is no sequence header that can be read. */
export function readSequence(unit: Buffer): Sequence | undefined {
  const size = leb128(unit, (unit[0] ?? 0) & HAS_EXTENSION ? 2 : 1);
  if (!size || obuType(unit) !== OBU.sequenceHeader) return undefined;
  try {
    const { width, height, head } = readHeader(new BitReader(unit.subarray(size.end)));
    return { width, height, configuration: Buffer.concat([head, unit]) };
  } catch {
    return undefined;
  }
}

/** Section 5.5. @throws RangeError. */
function readHeader(bits: BitReader): Size & { head: Buffer } {
  const profile = bits.read(3);
  bits.read(1);
  const reduced = bits.flag();
  const { level, tier } = reduced ? { level: bits.read(5), tier: 0 } : readOperatingPoints(bits);
  const [widthBits, heightBits] = [bits.read(4) + 1, bits.read(4) + 1];
  const [width, height] = [bits.read(widthBits) + 1, bits.read(heightBits) + 1];
  if (!reduced && bits.flag()) bits.read(4 + 3);
  bits.read(3);
  if (!reduced) skipTools(bits);
  bits.read(3);
  const head = Buffer.from([0x81, (profile << 5) | level, (tier << 7) | readColor(bits, profile), 0]);
  return { width, height, head };
}

/** Of the first, which has all layers. */
function readOperatingPoints(bits: BitReader): { level: number; tier: number } {
  // What hardware needs to know of a decoder's buffers is not in what browsers and encoders for them send.
  if (bits.flag()) throw new RangeError('timing is not read');
  const delayed = bits.flag();
  const points = Array.from({ length: bits.read(5) + 1 }, () => {
    bits.read(12);
    const level = bits.read(5);
    const tier = level > 7 ? bits.read(1) : 0;
    if (delayed) bits.optional(4);
    return { level, tier };
  });
  return points[0] ?? { level: 0, tier: 0 };
}

function skipTools(bits: BitReader): void {
  bits.read(4);
  const ordered = bits.flag();
  if (ordered) bits.read(2);
  const chosen = bits.flag();
  const screen = chosen || bits.flag();
  if (screen && !bits.flag()) bits.read(1);
  if (ordered) bits.read(3);
}

/** Section 5.5.2, as the configuration record has it. */
function readColor(bits: BitReader, profile: number): number {
  const high = bits.read(1);
  const twelve = profile === 2 && high ? bits.read(1) : 0;
  const mono = profile === 1 ? 0 : bits.read(1);
  const described = bits.flag() ? [bits.read(8), bits.read(8), bits.read(8)] : [];
  const of = (x: number, y: number, position: number) =>
    (high << 6) | (twelve << 5) | (mono << 4) | (x << 3) | (y << 2) | position;
  if (mono) return of(1, 1, 0);
  // RGB.
  if (String(described) === '1,13,0') return of(0, 0, 0);
  bits.read(1);
  if (profile === 1) return of(0, 0, 0);
  const x = profile === 0 || (twelve && bits.read(1)) || (!twelve && profile === 2) ? 1 : 0;
  const y = profile === 0 ? 1 : twelve && x ? bits.read(1) : 0;
  return of(x, y, x && y ? bits.read(2) : 0);
}
