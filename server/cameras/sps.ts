/** What a camera's H.264 sequence parameter set (ITU-T H.264, section 7.3.2.1.1) says about its pictures. */

export type Sps = {
  /** 66 is baseline, 77 main, 100 high. */
  profile: number;
  /** 'no': frames come in the order in which they are shown, hence no B-frames. 'yes' is only a possibility. */
  reordered: 'no' | 'yes' | 'unknown';
};

const NAL_SPS = 7;
const BASELINE = 66;
/** Those with chroma_format_idc and what follows it. */
const WITH_CHROMA = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const EXTENDED_SAR = 255;

/** The first SPS among NAL units; undefined if there is none that can be read. */
export function findSps(nalUnits: readonly Buffer[]): Sps | undefined {
  const sps = nalUnits.find((unit) => ((unit[0] ?? 0) & 0x1f) === NAL_SPS);
  if (sps === undefined) return undefined;
  try {
    return parseSps(sps);
  } catch {
    return undefined;
  }
}

function parseSps(nalUnit: Buffer): Sps {
  const bits = new Bits(withoutEmulation(nalUnit.subarray(1)));
  const profile = bits.read(8);
  bits.read(16);
  if (profile === BASELINE) return { profile, reordered: 'no' };
  bits.golomb();
  if (WITH_CHROMA.has(profile)) skipChroma(bits);
  bits.golomb();
  const orderType = bits.golomb();
  skipOrder(bits, orderType);
  bits.golomb();
  bits.read(1);
  bits.golomb();
  bits.golomb();
  if (bits.read(1) === 0) bits.read(1);
  bits.read(1);
  if (bits.read(1) === 1) for (let i = 0; i < 4; i++) bits.golomb();
  // Type 2 is output order by definition (section 8.2.1.3).
  if (orderType === 2) return { profile, reordered: 'no' };
  const frames = bits.read(1) === 1 ? reorderFrames(bits) : undefined;
  return { profile, reordered: frames === undefined ? 'unknown' : frames > 0 ? 'yes' : 'no' };
}

function skipChroma(bits: Bits): void {
  const chroma = bits.golomb();
  if (chroma === 3) bits.read(1);
  bits.golomb();
  bits.golomb();
  bits.read(1);
  if (bits.read(1) === 0) return;
  const lists = chroma === 3 ? 12 : 8;
  for (let i = 0; i < lists; i++) if (bits.read(1) === 1) skipScalingList(bits, i < 6 ? 16 : 64);
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
  for (let i = 0; i < cycle; i++) bits.golomb();
}

/** `max_num_reorder_frames` at the end of the VUI (annex E.1.1), if it is there. */
function reorderFrames(bits: Bits): number | undefined {
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
  const kept = [];
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
