/**
 * What the packets of a file tell, from ffmpeg's list of them (`-f framecrc`): read line by line, in
 * constant memory. Times are in seconds. Pure.
 */
import type { MediaKind } from '../../server/protocol/messages.ts';

export type Gap = { from: number; to: number };

export type Track = {
  kind: MediaKind;
  codec: string;
  width: number | undefined;
  height: number | undefined;
  packets: number;
  bytes: number;
  keyFrames: number;
  /** When the first packet is shown, and when the last one ends. */
  start: number;
  end: number;
  /** Packets that are not later than the one before. */
  backwards: number;
  firstBackwards: number | undefined;
  /** Packets of zeros only, as are read where the disk has lost them. */
  empty: number;
  firstEmpty: number | undefined;
  lastEmpty: number | undefined;
  /** Longer than `MIN_GAP_SECONDS` without a packet. */
  gaps: Gap[];
  /** Of all packets in their order. */
  digest: number;
};

/** Opus with discontinuous transmission sends every 400 ms. */
export const MIN_GAP_SECONDS = 0.45;
const MAX_GAPS = 100;

type Header = { kind?: string; codec?: string; timeBase?: number; width?: number; height?: number };
type Reading = { track: Track; timeBase: number; last: number | undefined };

export class PacketScan {
  readonly #headers = new Map<number, Header>();
  readonly #readings = new Map<number, Reading>();
  #bytes = 0;
  #latest = Number.NEGATIVE_INFINITY;
  #spread = 0;

  /** In the order of the file. */
  get tracks(): Track[] {
    return [...this.#readings.entries()].sort(([a], [b]) => a - b).map(([, { track }]) => track);
  }

  track(kind: MediaKind): Track | undefined {
    return this.tracks.find((track) => track.kind === kind && track.packets > 0);
  }

  get packets(): number {
    return this.tracks.reduce((sum, { packets }) => sum + packets, 0);
  }

  /** Of media so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How far, in seconds, packets lie behind others that come before them in the file. */
  get spread(): number {
    return this.#spread;
  }

  /** When the first packet is shown. */
  get start(): number {
    const starts = this.tracks.filter(({ packets }) => packets > 0).map(({ start }) => start);
    return starts.length === 0 ? 0 : Math.min(...starts);
  }

  /** From the first packet's start to the last one's end. */
  get duration(): number {
    return Math.max(this.start, ...this.tracks.map(({ end }) => end)) - this.start;
  }

  push(line: string): void {
    if (line.startsWith('#')) this.#header(line);
    else this.#packet(line);
  }

  /** `#tb 0: 1/15360`, `#media_type 0: video`, `#codec_id 0: h264`, `#dimensions 0: 640x360`. */
  #header(line: string): void {
    const [, name, index, value = ''] = /^#(\w+) (\d+): (.*)$/.exec(line) ?? [];
    if (name === undefined) return;
    const header = this.#headers.get(Number(index)) ?? {};
    this.#headers.set(Number(index), header);
    const [first, second] = value.split(/[/x]/).map(Number);
    if (name === 'tb' && first && second) header.timeBase = first / second;
    if (name === 'media_type') header.kind = value;
    if (name === 'codec_id') header.codec = value;
    if (name === 'dimensions') Object.assign(header, { width: first, height: second });
  }

  /** `stream, dts, pts, duration, size, checksum[, F=flags][, S=side data…]` */
  #packet(line: string): void {
    const fields = line.split(',').map((field) => field.trim());
    const [index, dts, pts, duration, size] = fields.slice(0, 5).map(Number);
    const reading = this.#reading(index ?? Number.NaN);
    if (reading === undefined || size === undefined || dts === undefined) return;
    // Where there is no time of showing it, it is that of decoding.
    const shown = pts === undefined || Number.isNaN(pts) ? dts : pts;
    this.#bytes += size;
    const at = dts * reading.timeBase;
    if (at > this.#latest) this.#latest = at;
    else if (this.#latest - at > this.#spread) this.#spread = this.#latest - at;
    const isKeyFrame = !fields.some((field) => /^F=0x[0-9A-F]*[02468ACE]$/i.test(field));
    const checksum = Number(fields[5] ?? 0);
    count(reading, { dts, pts: shown, duration: duration || 0, size, checksum, isKeyFrame });
  }

  #reading(index: number): Reading | undefined {
    const known = this.#readings.get(index);
    if (known) return known;
    const { kind, codec = '', timeBase, width, height } = this.#headers.get(index) ?? {};
    if ((kind !== 'audio' && kind !== 'video') || timeBase === undefined) return undefined;
    const track: Track = {
      ...{ kind, codec, width, height, packets: 0, bytes: 0, keyFrames: 0, start: 0, end: 0 },
      ...{ backwards: 0, firstBackwards: undefined, gaps: [], digest: 0 },
      ...{ empty: 0, firstEmpty: undefined, lastEmpty: undefined },
    };
    const reading = { track, timeBase, last: undefined };
    this.#readings.set(index, reading);
    return reading;
  }
}

type Packet = {
  dts: number;
  pts: number;
  duration: number;
  size: number;
  checksum: number;
  isKeyFrame: boolean;
};

function count(reading: Reading, { dts, pts, duration, size, checksum, isKeyFrame }: Packet): void {
  const { track, timeBase, last } = reading;
  const at = dts * timeBase;
  track.start = track.packets === 0 ? pts * timeBase : Math.min(track.start, pts * timeBase);
  track.end = Math.max(track.end, (pts + duration) * timeBase);
  track.packets += 1;
  track.bytes += size;
  if (isKeyFrame) track.keyFrames += 1;
  // Multiplied, so that their order matters too.
  track.digest = (Math.imul(track.digest, 31) + checksum) | 0;
  // The checksum is Adler-32 begun at zero, which zeros leave at zero.
  if (checksum === 0 && size > 0) {
    track.empty += 1;
    track.firstEmpty ??= at;
    track.lastEmpty = at;
  }
  // Without a time, it is not later either.
  if (last !== undefined && !(at > last)) {
    track.backwards += 1;
    track.firstBackwards ??= last;
  }
  if (last !== undefined && at - last > MIN_GAP_SECONDS && track.gaps.length < MAX_GAPS) {
    track.gaps.push({ from: last, to: at });
  }
  if (!Number.isNaN(at)) reading.last = Math.max(at, last ?? at);
}
