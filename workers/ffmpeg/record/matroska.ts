/**
 * Matroska (RFC 9559) as a stream of frames: how media gets to ffmpeg with
 * exact times, and with all that it would otherwise have to guess. Pure.
 */
import { isVideo, type TrackFormat } from './frames.ts';

/** Of the times in it: finer than any sample of video is placed. */
export const TICK_MS = 0.01;
const TIMESTAMP_SCALE_NS = TICK_MS * 1e6;

const OPUS_CLOCK = 48_000;
/** What a decoder needs to hear before it is right again (RFC 7845, section 4.6). */
const SEEK_PRE_ROLL_NS = 80e6;

const ID = {
  ebml: 0x1a45dfa3,
  docType: 0x4282,
  docTypeVersion: 0x4287,
  docTypeReadVersion: 0x4285,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  muxingApp: 0x4d80,
  writingApp: 0x5741,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackUid: 0x73c5,
  trackType: 0x83,
  flagLacing: 0x9c,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  seekPreRoll: 0x56bb,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
};

const CODEC_ID = {
  opus: 'A_OPUS',
  PCMU: 'A_MS/ACM',
  PCMA: 'A_MS/ACM',
  VP8: 'V_VP8',
  VP9: 'V_VP9',
  AV1: 'V_AV1',
  H264: 'V_MPEG4/ISO/AVC',
};
/** Of WAVEFORMATEX. */
const FORMAT_TAG = { PCMA: 6, PCMU: 7 };
const G711_CLOCK = 8000;
const VIDEO = 1;
const AUDIO = 2;

/** What comes first; tracks are numbered from one in this order. */
export function matroskaHeader(tracks: readonly TrackFormat[]): Buffer {
  const ebml = element(ID.ebml, [
    text(ID.docType, 'matroska'),
    number(ID.docTypeVersion, 4),
    number(ID.docTypeReadVersion, 2),
  ]);
  const info = element(ID.info, [
    number(ID.timestampScale, TIMESTAMP_SCALE_NS),
    text(ID.muxingApp, 'pharos'),
    text(ID.writingApp, 'pharos'),
  ]);
  // Of unknown size: it ends with the stream.
  const segment = Buffer.concat([idBytes(ID.segment), Buffer.from([0x01, ...Array(7).fill(0xff)])]);
  return Buffer.concat([ebml, segment, info, element(ID.tracks, tracks.map(trackEntry))]);
}

/** @param ticks Since the beginning. */
export function matroskaFrame(track: number, ticks: number, key: boolean, data: Buffer): Buffer {
  // The time relative to its cluster, which it has for itself, is zero.
  const block = Buffer.from([0x80 | track, 0, 0, key ? 0x80 : 0]);
  return element(ID.cluster, [number(ID.timestamp, ticks), element(ID.simpleBlock, [block, data])]);
}

function trackEntry(format: TrackFormat, index: number): Buffer {
  const common = [
    number(ID.trackNumber, index + 1),
    number(ID.trackUid, index + 1),
    number(ID.trackType, isVideo(format) ? VIDEO : AUDIO),
    number(ID.flagLacing, 0),
    text(ID.codecId, CODEC_ID[format.codec]),
  ];
  return element(ID.trackEntry, [...common, ...details(format)]);
}

function details(format: TrackFormat): Buffer[] {
  if (!isVideo(format)) {
    const frequency = Buffer.alloc(4);
    frequency.writeFloatBE(format.codec === 'opus' ? OPUS_CLOCK : G711_CLOCK);
    const audio = [element(ID.samplingFrequency, [frequency]), number(ID.channels, format.channels)];
    if (format.codec !== 'opus') {
      return [element(ID.codecPrivate, [waveFormat(FORMAT_TAG[format.codec])]), element(ID.audio, audio)];
    }
    return [
      number(ID.seekPreRoll, SEEK_PRE_ROLL_NS),
      element(ID.codecPrivate, [opusHead(format.channels)]),
      element(ID.audio, audio),
    ];
  }
  const size = element(ID.video, [
    number(ID.pixelWidth, format.width),
    number(ID.pixelHeight, format.height),
  ]);
  return 'configuration' in format ? [element(ID.codecPrivate, [format.configuration]), size] : [size];
}

/** G.711 as Windows describes it, which is how Matroska does (RFC 9559, codec mapping of A_MS/ACM): an octet a sample. */
function waveFormat(tag: number): Buffer {
  const format = Buffer.alloc(18);
  format.writeUInt16LE(tag, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(G711_CLOCK, 4);
  format.writeUInt32LE(G711_CLOCK, 8);
  format.writeUInt16LE(1, 12);
  format.writeUInt16LE(8, 14);
  return format;
}

/** RFC 7845, section 5.1. Nothing is skipped at the start: it is not the start of what was encoded. */
function opusHead(channels: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead');
  head[8] = 1;
  head[9] = channels;
  head.writeUInt32LE(OPUS_CLOCK, 12);
  return head;
}

/** An element of EBML (RFC 8794, section 6): id, size, content. */
function element(id: number, content: readonly Buffer[]): Buffer {
  const size = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([idBytes(id), sizeBytes(size), ...content]);
}

function number(id: number, value: number): Buffer {
  return element(id, [integerBytes(value)]);
}

function text(id: number, value: string): Buffer {
  return element(id, [Buffer.from(value, 'ascii')]);
}

const idBytes = integerBytes;

function integerBytes(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256))
    bytes.unshift(rest % 256);
  return Buffer.from(bytes);
}

/** Section 4: of four bytes always, up to 256 MB. */
function sizeBytes(size: number): Buffer {
  if (size >= 2 ** 28) throw new RangeError(`an element of ${size} bytes`);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(0x10000000 + size);
  return bytes;
}
