/** H.264 (ITU-T H.264) as it is in RTP (RFC 6184) and as it is in files (ISO/IEC 14496-15). Pure. */
import { hasChromaFormat } from '../../../server/base/h264-sps.ts';

export const NAL = { idr: 5, sps: 7, pps: 8, delimiter: 9, filler: 12 };

const STAP_A = 24;
const FU_A = 28;

export function nalType(unit: Buffer): number {
  return (unit[0] ?? 0) & 0x1f;
}

/** RTP payloads to NAL units, one frame's after the other. */
export class NalReader {
  #fragments: Buffer[] = [];

  /** What one payload completes; undefined if it is malformed or its beginning is missing. */
  push(payload: Buffer): Buffer[] | undefined {
    const type = nalType(payload);
    if (type === FU_A) return this.#fragment(payload);
    if (this.#fragments.length > 0 || payload.length === 0) return undefined;
    if (type === STAP_A) return aggregate(payload);
    return type > 0 && type < STAP_A ? [payload] : undefined;
  }

  /** Whether a NAL unit has begun and not ended. */
  get open(): boolean {
    return this.#fragments.length > 0;
  }

  reset(): void {
    this.#fragments = [];
  }

  /** Section 5.8. */
  #fragment(payload: Buffer): Buffer[] | undefined {
    const [indicator = 0, header = 0] = payload;
    const [start, end] = [(header & 0x80) !== 0, (header & 0x40) !== 0];
    if (payload.length < 3 || start !== (this.#fragments.length === 0)) return undefined;
    if (start) this.#fragments.push(Buffer.from([(indicator & 0xe0) | (header & 0x1f)]));
    this.#fragments.push(payload.subarray(2));
    if (!end) return [];
    const unit = Buffer.concat(this.#fragments);
    this.#fragments = [];
    return [unit];
  }
}

/** Section 5.7.1. */
function aggregate(payload: Buffer): Buffer[] | undefined {
  const units: Buffer[] = [];
  for (let at = 1; at < payload.length; ) {
    if (at + 2 > payload.length) return undefined;
    const end = at + 2 + payload.readUInt16BE(at);
    if (end > payload.length || end === at + 2) return undefined;
    units.push(payload.subarray(at + 2, end));
    at = end;
  }
  return units;
}

/** Each unit after its length, as a sample of a file has them. */
export function lengthPrefixed(units: readonly Buffer[]): Buffer {
  return Buffer.concat(
    units.flatMap((unit) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(unit.length);
      return [length, unit];
    }),
  );
}

/** AVCDecoderConfigurationRecord (ISO/IEC 14496-15, section 5.3.3.1). */
export function decoderConfiguration(sps: Buffer, pps: Buffer): Buffer {
  const size = (unit: Buffer) => Buffer.from([unit.length >> 8, unit.length & 0xff]);
  const head = Buffer.from([1, sps[1] ?? 0, sps[2] ?? 0, sps[3] ?? 0, 0xff, 0xe1]);
  const parts = [head, size(sps), sps, Buffer.from([1]), size(pps), pps];
  // High profiles tell what pictures are made of: 4:2:0 with 8 bits is all that WebRTC has.
  if (hasChromaFormat(sps[1] ?? 0)) parts.push(Buffer.from([0xfd, 0xf8, 0xf8, 0]));
  return Buffer.concat(parts);
}
