/**
 * A frame of VP8 (RFC 6386) that shows the last picture once more, a hundred
 * bytes or so, and leaves all that a decoder remembers as it is. Pure.
 *
 * Written while video stands still, it lets ffmpeg write the sound that goes on:
 * of VP8, other than of H.264, its muxers wait for the next frame however long
 * that takes (`ff_interleave_packet_per_dts`), and a crash would lose it all.
 */
import type { Size } from './vp8.ts';

/**
 * What comes before the macroblocks is the same for all sizes: the bytes and the
 * encoder's state (section 7.3) after
 * - segments on, neither map nor data updated, which keeps both (section 9.3);
 * - loop filter at level zero, no adjustments (9.6); one partition of coefficients (9.5);
 * - quantizer zero; no reference is refreshed or copied to, nor this frame kept as
 *   the last; probabilities are for this frame alone (9.7 to 9.11);
 * - no probability updated, of coefficients (13.4), modes (16.2) or vectors (17.2);
 * - macroblocks may be skipped; the probabilities, in 256ths, that one is not
 *   skipped 1, that it is intra-coded 1, that it refers to the last frame 255 (9.10).
 */
const HEADER = { bytes: Buffer.from('8000000000000c2c', 'hex'), range: 177, bottom: 0x0bfd0000, count: 1 };
const NOT_SKIPPED = 1;
const INTRA = 1;
const LAST = 255;
/** An inter frame of version 0, which is shown (section 9.1). */
const TAG = 0x11;
/** Of coefficients there are none, but their partition is not to be empty. */
const COEFFICIENTS = Buffer.alloc(4);

export function stillFrame({ width, height }: Size): Buffer {
  const bits = new BoolEncoder();
  const [columns, rows] = [Math.ceil(width / 16), Math.ceil(height / 16)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      bits.write(true, NOT_SKIPPED);
      bits.write(true, INTRA);
      bits.write(false, LAST);
      bits.write(false, motionless(row, column));
    }
  }
  const partition = bits.end();
  const tag = Buffer.alloc(3);
  tag.writeUIntLE(TAG | (partition.length << 5), 0, 3);
  return Buffer.concat([tag, partition, COEFFICIENTS]);
}

/**
 * The probability of no motion by how many neighbours have none (section 18.3):
 * above and left count two, above left one, those outside of the picture nothing.
 */
function motionless(row: number, column: number): number {
  if (row > 0 && column > 0) return 234;
  return row > 0 || column > 0 ? 135 : 7;
}

/** Section 7.3, from the end of the header on. */
class BoolEncoder {
  readonly #out: number[] = [...HEADER.bytes];
  #range = HEADER.range;
  #bottom = HEADER.bottom;
  #count = HEADER.count;

  /** @param probability Of false, in 256ths. */
  write(value: boolean, probability: number): void {
    const split = 1 + (((this.#range - 1) * probability) >> 8);
    if (value) this.#bottom = (this.#bottom + split) >>> 0;
    this.#range = value ? this.#range - split : split;
    for (; this.#range < 128; this.#range *= 2) this.#shift();
  }

  end(): Buffer {
    for (let bit = 0; bit < 32; bit++) this.#shift();
    return Buffer.from(this.#out);
  }

  #shift(): void {
    if (this.#bottom >>> 31 === 1) this.#carry();
    this.#bottom = (this.#bottom << 1) >>> 0;
    this.#count -= 1;
    if (this.#count > 0) return;
    this.#out.push(this.#bottom >>> 24);
    this.#bottom &= 0xffffff;
    this.#count = 8;
  }

  #carry(): void {
    let at = this.#out.length - 1;
    for (; this.#out[at] === 255; at--) this.#out[at] = 0;
    this.#out[at] = (this.#out[at] ?? 0) + 1;
  }
}
