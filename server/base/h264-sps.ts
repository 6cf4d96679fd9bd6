/** What an H.264 sequence parameter set (ITU-T H.264, section 7.3.2.1.1) says about pictures. Pure. */

export type Sps = {
  /** 66 is baseline, 77 main, 100 high. */
  profile: number;
  width: number;
  height: number;
  /** 'no': frames come in the order in which they are shown, hence no B-frames. 'yes' is only a possibility. */
  reordered: 'no' | 'yes' | 'unknown';
};

const BASELINE = 66;
const WITH_CHROMA = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const EXTENDED_SAR = 255;

/** Whether parameter sets of this profile have chroma_format_idc and what follows it. */
export function hasChromaFormat(profile: number): boolean {
  return WITH_CHROMA.has(profile);
}

/** @param unit The NAL unit. @returns undefined if it cannot be read. */
export function readSps(unit: Buffer): Sps | undefined {
  try {
    const info = parseSps(unit);
    return info.width > 0 && info.height > 0 ? info : undefined;
  } catch {
    return undefined;
  }
}

function parseSps(unit: Buffer): Sps {
  const bits = new Bits(withoutEmulation(unit.subarray(1)));
  const profile = bits.read(8);
  bits.read(16);
  bits.golomb();
  const chroma = WITH_CHROMA.has(profile) ? readChroma(bits) : 1;
  bits.golomb();
  const orderType = bits.golomb();
  skipOrder(bits, orderType);
  bits.golomb();
  bits.read(1);
  const columns = bits.golomb() + 1;
  const rows = bits.golomb() + 1;
  const framesOnly = bits.read(1);
  if (framesOnly === 0) bits.read(1);
  bits.read(1);
  const crop = bits.read(1) === 1 ? [0, 1, 2, 3].map(() => bits.golomb()) : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
  const unitY = (chroma === 1 ? 2 : 1) * (2 - framesOnly);
  return {
    profile,
    width: columns * 16 - unitX * (left + right),
    height: rows * 16 * (2 - framesOnly) - unitY * (top + bottom),
    // Type 2 is output order by definition (section 8.2.1.3).
    reordered: profile === BASELINE || orderType === 2 ? 'no' : reordering(bits),
  };
}

function reordering(bits: Bits): Sps['reordered'] {
  const frames = vuiReordering(bits);
  if (frames === undefined) return 'unknown';
  return frames > 0 ? 'yes' : 'no';
}

function readChroma(bits: Bits): number {
  const chroma = bits.golomb();
  const planes = chroma === 3 ? bits.read(1) : 0;
  bits.golomb();
  bits.golomb();
  bits.read(1);
  if (bits.read(1) === 1) {
    const lists = chroma === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) if (bits.read(1) === 1) skipScalingList(bits, i < 6 ? 16 : 64);
  }
  return planes === 1 ? 0 : chroma;
}

function skipScalingList(bits: Bits, size: number): void {
  let [last, next] = [8, 8];
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + bits.signedGolomb() + 256) % 256;
    last = next === 0 ? last : next;
  }
}

function skipOrder(bits: Bits, type: number): void {
  if (type === 0) bits.golomb();
  if (type !== 1) return;
  bits.read(1);
  bits.golomb();
  bits.golomb();
  const cycle = bits.golomb();
  if (cycle > 255) throw new RangeError('no such cycle');
  for (let i = 0; i < cycle; i++) bits.golomb();
}

/** `max_num_reorder_frames` of the VUI (annex E.1.1), if it is there. */
function vuiReordering(bits: Bits): number | undefined {
  if (bits.read(1) === 0) return undefined;
  if (bits.read(1) === 1 && bits.read(8) === EXTENDED_SAR) bits.read(32);
  if (bits.read(1) === 1) bits.read(1);
  if (bits.read(1) === 1) {
    bits.read(4);
    if (bits.read(1) === 1) bits.read(24);
  }
  if (bits.read(1) === 1) {
    bits.golomb();
    bits.golomb();
  }
  if (bits.read(1) === 1) bits.read(65);
  const hrds = [skipHrd(bits), skipHrd(bits)];
  if (hrds.includes(true)) bits.read(1);
  bits.read(1);
  if (bits.read(1) === 0) return undefined;
  bits.read(1);
  for (let i = 0; i < 4; i++) bits.golomb();
  return bits.golomb();
}

function skipHrd(bits: Bits): boolean {
  if (bits.read(1) === 0) return false;
  const count = bits.golomb() + 1;
  if (count > 32) throw new RangeError('no such count');
  bits.read(8);
  for (let i = 0; i < count; i++) {
    bits.golomb();
    bits.golomb();
    bits.read(1);
  }
  bits.read(20);
  return true;
}

/** Two zero bytes are followed by a three where a start code would show otherwise (section 7.4.1.1). */
function withoutEmulation(data: Buffer): Buffer {
  const kept: number[] = [];
  let zeros = 0;
  for (const byte of data) {
    const inserted = zeros >= 2 && byte === 3;
    zeros = byte === 0 ? zeros + 1 : 0;
    if (!inserted) kept.push(byte);
  }
  return Buffer.from(kept);
}

/** @throws RangeError at the end. */
class Bits {
  readonly #data: Buffer;
  #position = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  /** Of more than 32 bits the first are lost, which nobody asks for. */
  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = this.#data[this.#position >> 3];
      if (byte === undefined) throw new RangeError('the parameter set ends too soon');
      value = ((value << 1) | ((byte >> (7 - (this.#position & 7))) & 1)) >>> 0;
      this.#position += 1;
    }
    return value;
  }

  golomb(): number {
    let zeros = 0;
    while (this.read(1) === 0) zeros += 1;
    if (zeros > 31) throw new RangeError('no such number');
    return 2 ** zeros - 1 + this.read(zeros);
  }

  signedGolomb(): number {
    const value = this.golomb();
    return value % 2 === 1 ? (value + 1) / 2 : -value / 2;
  }
}
