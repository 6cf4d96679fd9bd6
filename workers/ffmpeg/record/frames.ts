/** RTP packets, in order, to what a file holds: frames. Pure. */
import { readSps } from '../../../server/base/h264-sps.ts';
import { OBU, ObuReader, obuType, readSequence, type Sequence, withSize } from './av1.ts';
import { decoderConfiguration, lengthPrefixed, NAL, NalReader, nalType } from './h264.ts';
import type { Ordered } from './reorder.ts';
import type { RtpPacket } from './rtp.ts';
import { keyFrameSize, readVp8Payload, type Size } from './vp8.ts';
import { readVp9Payload, vp9KeyFrameSize, vp9Picture } from './vp9.ts';

export type Codec = 'opus' | 'PCMU' | 'PCMA' | VideoFormat['codec'];

export type SoundFormat =
  | { codec: 'opus'; channels: number }
  /** G.711 (RFC 3551, section 4.5.14), which no file of ours can hold: ffmpeg makes Opus of it. */
  | { codec: 'PCMU' | 'PCMA'; channels: 1 };

/** What a track of a file, or what ffmpeg is to make it of, is declared to be; it holds until a key frame says otherwise. */
export type TrackFormat = SoundFormat | VideoFormat;

export type VideoFormat =
  | { codec: 'VP8' | 'VP9'; width: number; height: number; rotation: number }
  | { codec: 'AV1'; width: number; height: number; rotation: number; configuration: Buffer }
  | {
      codec: 'H264';
      width: number;
      height: number;
      rotation: number;
      configuration: Buffer;
      /** Frames may come in another order than that in which they are shown. */
      reordered: boolean;
    };

export type Frame = {
  data: Buffer;
  timestamp: number;
  /** When its first packet came. */
  arrival: number;
  key: boolean;
  /** With each key frame, and each packet of sound. */
  format?: TrackFormat;
};

export interface FrameReader {
  /** The frames that this packet completes. */
  push(ordered: Ordered<RtpPacket>): Frame[];
  /** Frames of video that could not be shown, as packets of theirs or of what they build on were missing. */
  readonly dropped: number;
  /** Whether nothing can be had before the next key frame. */
  readonly wantsKeyFrame: boolean;
}

/** @param parameterSets H.264's, in base64, where they were announced apart from the stream. */
export function createFrameReader(codec: Codec, channels: number, parameterSets = ''): FrameReader {
  switch (codec) {
    case 'opus':
      return new SoundReader({ codec, channels });
    case 'PCMU':
    case 'PCMA':
      return new SoundReader({ codec, channels: 1 });
    case 'VP8':
      return new VideoReader(new Vp8Depacketizer());
    case 'H264':
      return new VideoReader(new H264Depacketizer(parameterSets));
    case 'VP9':
      return new VideoReader(new Vp9Depacketizer());
    case 'AV1':
      return new VideoReader(new Av1Depacketizer());
  }
}

export function isVideo(format: TrackFormat): format is VideoFormat {
  return 'width' in format;
}

/** A packet each (RFC 7587, RFC 3551). */
class SoundReader implements FrameReader {
  readonly dropped = 0;
  readonly wantsKeyFrame = false;
  readonly #format: SoundFormat;

  constructor(format: SoundFormat) {
    this.#format = format;
  }

  push({ packet: { payload: data, timestamp }, arrival }: Ordered<RtpPacket>): Frame[] {
    return data.length > 0 ? [{ data, timestamp, arrival, key: true, format: this.#format }] : [];
  }
}

interface Depacketizer {
  /** @returns false if the frame cannot become whole. */
  push(payload: Buffer): boolean;
  /** The frame; undefined if it is not whole. */
  take(): { data: Buffer; key: boolean; format?: TrackFormat } | undefined;
  rotation: number;
}

/** What cannot be decoded is not written: a picture that stands still is better than one in ruins. */
class VideoReader implements FrameReader {
  dropped = 0;
  #wantsKeyFrame = true;
  /** A key frame has come. */
  #begun = false;
  readonly #depacketizer: Depacketizer;
  #timestamp: number | undefined;
  #arrival = 0;
  #whole = true;

  constructor(depacketizer: Depacketizer) {
    this.#depacketizer = depacketizer;
  }

  get wantsKeyFrame(): boolean {
    return this.#wantsKeyFrame;
  }

  push({ packet, arrival, missing }: Ordered<RtpPacket>): Frame[] {
    const frames: Frame[] = [];
    if (this.#timestamp !== undefined && this.#timestamp !== packet.timestamp) {
      // No marker came: it was lost, or the sender sets none.
      if (missing > 0) this.#whole = false;
      frames.push(...this.#finish());
    }
    if (missing > 0) this.#lose();
    if (packet.payload.length === 0) return frames;
    if (this.#timestamp === undefined) {
      this.#timestamp = packet.timestamp;
      this.#arrival = arrival;
      // What is missing may have been its first packets, which the depacketizer notices.
      this.#whole = true;
    }
    if (packet.rotation !== undefined) this.#depacketizer.rotation = packet.rotation;
    if (!this.#depacketizer.push(packet.payload)) this.#whole = false;
    if (packet.marker) frames.push(...this.#finish());
    return frames;
  }

  /** Between frames too: the next ones build on what is not there. */
  #lose(): void {
    this.#whole = false;
    this.#wantsKeyFrame = true;
  }

  #finish(): Frame[] {
    const timestamp = this.#timestamp ?? 0;
    this.#timestamp = undefined;
    const taken = this.#depacketizer.take();
    if (!taken || !this.#whole) this.#wantsKeyFrame = true;
    else if (taken.key) {
      this.#wantsKeyFrame = false;
      this.#begun = true;
    }
    if (taken && !this.#wantsKeyFrame) return [{ ...taken, timestamp, arrival: this.#arrival }];
    if (this.#begun) this.dropped += 1;
    return [];
  }
}

class Vp8Depacketizer implements Depacketizer {
  rotation = 0;
  #parts: Buffer[] = [];

  push(payload: Buffer): boolean {
    const read = readVp8Payload(payload);
    if (!read || read.start !== (this.#parts.length === 0)) return false;
    this.#parts.push(read.data);
    return true;
  }

  take(): { data: Buffer; key: boolean; format?: TrackFormat } | undefined {
    const data = Buffer.concat(this.#parts);
    this.#parts = [];
    if (data.length === 0) return undefined;
    const size = keyFrameSize(data);
    if (!size) return { data, key: false };
    return { data, key: true, format: { codec: 'VP8', ...size, rotation: this.rotation } };
  }
}

/** Those of a picture's spatial layers that come are one frame, of the size of the largest. */
class Vp9Depacketizer implements Depacketizer {
  rotation = 0;
  #frames: { layer: number; parts: Buffer[] }[] = [];
  #ended = true;
  /** Of each layer, as last told. */
  #sizes: readonly Size[] = [];

  push(payload: Buffer): boolean {
    const read = readVp9Payload(payload);
    if (!read || read.start !== this.#ended) return false;
    if (read.sizes) this.#sizes = read.sizes;
    if (read.start) this.#frames.push({ layer: read.spatialLayer, parts: [] });
    this.#frames.at(-1)?.parts.push(read.data);
    this.#ended = read.end;
    return true;
  }

  take(): { data: Buffer; key: boolean; format?: TrackFormat } | undefined {
    const [frames, whole] = [this.#frames, this.#ended];
    this.#frames = [];
    this.#ended = true;
    const [largest] = frames.slice(-1);
    if (!whole || !largest) return undefined;
    const parts = frames.map((frame) => Buffer.concat(frame.parts));
    const smallest = vp9KeyFrameSize(parts[0] ?? Buffer.alloc(0));
    const widths = frames.map(({ layer }) => this.#sizes[layer]?.width ?? 0);
    try {
      const data = vp9Picture(parts, widths);
      if (!smallest) return { data, key: false };
      const size = this.#sizes[largest.layer] ?? smallest;
      return { data, key: true, format: { codec: 'VP9', ...size, rotation: this.rotation } };
    } catch {
      return undefined;
    }
  }
}

class Av1Depacketizer implements Depacketizer {
  rotation = 0;
  readonly #reader = new ObuReader();
  #units: Buffer[] = [];
  #sequence: Sequence | undefined;

  push(payload: Buffer): boolean {
    const units = this.#reader.push(payload);
    if (!units) return false;
    this.#units.push(...units);
    return true;
  }

  take(): { data: Buffer; key: boolean; format?: TrackFormat } | undefined {
    const left = [OBU.temporalDelimiter, OBU.tileList, OBU.padding];
    const units = this.#units.filter((unit) => !left.includes(obuType(unit))).map(withSize);
    const whole = !this.#reader.open && units.length > 0;
    this.#units = [];
    this.#reader.reset();
    const known = units.filter((unit) => unit !== undefined);
    if (!whole || known.length < units.length) return undefined;
    const data = Buffer.concat(known);
    // Encoders send it with each key frame, and no other.
    const header = known.find((unit) => obuType(unit) === OBU.sequenceHeader);
    if (!header) return { data, key: false };
    this.#sequence = readSequence(header) ?? this.#sequence;
    return (
      this.#sequence && {
        data,
        key: true,
        format: { codec: 'AV1', ...this.#sequence, rotation: this.rotation },
      }
    );
  }
}

class H264Depacketizer implements Depacketizer {
  rotation = 0;
  readonly #reader = new NalReader();
  #units: Buffer[] = [];
  #sps: Buffer | undefined;
  #pps: Buffer | undefined;

  constructor(parameterSets: string) {
    for (const text of parameterSets.split(',')) this.#keep(Buffer.from(text, 'base64'));
  }

  push(payload: Buffer): boolean {
    const units = this.#reader.push(payload);
    if (!units) return false;
    this.#units.push(...units);
    return true;
  }

  take(): { data: Buffer; key: boolean; format?: TrackFormat } | undefined {
    const units = this.#units.filter((unit) => ![NAL.delimiter, NAL.filler].includes(nalType(unit)));
    const whole = !this.#reader.open;
    this.#units = [];
    this.#reader.reset();
    if (!whole || !beginsPicture(units)) return undefined;
    for (const unit of units) this.#keep(unit);
    const data = lengthPrefixed(units);
    if (!units.some((unit) => nalType(unit) === NAL.idr)) return { data, key: false };
    const format = this.#format();
    // Without parameter sets nobody can decode it.
    return format && { data, key: true, format };
  }

  #keep(unit: Buffer): void {
    if (nalType(unit) === NAL.sps) this.#sps = unit;
    if (nalType(unit) === NAL.pps) this.#pps = unit;
  }

  #format(): TrackFormat | undefined {
    const info = this.#sps && readSps(this.#sps);
    if (!info || !this.#sps || !this.#pps) return undefined;
    const { width, height } = info;
    const reordered = info.reordered !== 'no';
    const configuration = decoderConfiguration(this.#sps, this.#pps);
    return { codec: 'H264', width, height, reordered, rotation: this.rotation, configuration };
  }
}

/** Its first slice begins with the first macroblock (section 7.3.3: a one alone is zero). */
function beginsPicture(units: readonly Buffer[]): boolean {
  const slice = units.find((unit) => nalType(unit) >= 1 && nalType(unit) <= NAL.idr);
  return slice !== undefined && ((slice[1] ?? 0) & 0x80) !== 0;
}
