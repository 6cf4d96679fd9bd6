/** Bits of a buffer, highest first. */
export class BitReader {
  readonly #data: Buffer;
  /** How many have been read. */
  position = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  /** An unsigned number of so many bits, 32 at most. @throws RangeError at the end. */
  read(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit++) {
      const byte = this.#data[this.position >> 3];
      if (byte === undefined) throw new RangeError('the data ends early');
      value = value * 2 + ((byte >> (7 - (this.position & 7))) & 1);
      this.position += 1;
    }
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  /** Reads so many, if a bit before them says that they are there. */
  optional(count: number): void {
    if (this.flag()) this.read(count);
  }
}
