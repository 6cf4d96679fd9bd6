/** What a stranger may send to a media port, reproducible by its seed. */
import type { Random } from './mutate.ts';
import { ATTRIBUTES, METHODS, type StunAttribute, stunRequest } from './stun.ts';

/** What an attacker may know of somebody's media path, short of its password. */
export type Known = { ufrag: string; ssrcs: readonly number[] };

export const KINDS = [
  'noise',
  'stun, wrong ufrag',
  'stun, bad integrity',
  'stun, malformed',
  'stun, mutated',
  'client hello',
  'dtls, mutated',
  'rtp',
  'rtcp',
  'oversize',
  'empty',
] as const;
export type Kind = (typeof KINDS)[number];

/** One of a kind. */
export function datagram(kind: Kind, random: Random, known: readonly Known[]): Buffer {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const { ufrag, ssrcs } = pick(known);
  const bytes = (length: number) => randomBytes(length, random);
  const word = () => bytes(4 + int(random, 20)).toString('base64url');
  const ssrc = () => (ssrcs.length > 0 && random() < 0.5 ? pick(ssrcs) : int(random, 2 ** 32));
  switch (kind) {
    case 'noise':
      return bytes(1 + int(random, 1500));
    case 'stun, wrong ufrag':
      return check(`${word()}:${word()}`, word(), random);
    case 'stun, bad integrity':
      return check(`${ufrag}:${word()}`, word(), random);
    case 'stun, malformed':
      return malformedStun(`${ufrag}:${word()}`, random);
    case 'stun, mutated':
      return scramble(check(`${ufrag}:${word()}`, word(), random), random);
    case 'client hello':
      return clientHello(bytes);
    case 'dtls, mutated':
      return scramble(clientHello(bytes), random);
    case 'rtp':
      return rtp(ssrc(), random);
    case 'rtcp':
      return rtcp(ssrc, random);
    case 'oversize':
      return oversize(ssrc(), random);
    case 'empty':
      return Buffer.alloc(0);
  }
}

const int = (random: Random, below: number): number => Math.floor(random() * below);

export function randomBytes(length: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length }, () => int(random, 256)));
}

/** Some octets changed, and perhaps cut off or repeated. */
export function scramble(message: Buffer, random: Random): Buffer {
  const changed = Buffer.from(message);
  for (let count = 1 + int(random, 6); count > 0 && changed.length > 0; count--) {
    changed[int(random, changed.length)] = random() < 0.3 ? 0xff : int(random, 256);
  }
  const cut = random();
  if (cut < 0.2) return changed.subarray(0, int(random, changed.length + 1));
  if (cut < 0.3) return Buffer.concat([changed, changed.subarray(0, int(random, changed.length))]);
  return changed;
}

/** An ICE connectivity check (RFC 8445, section 7.1). */
function check(username: string, key: string, random: Random): Buffer {
  const transaction = randomBytes(12, random);
  return stunRequest(METHODS.binding, CHECK(username, random), { key, transaction });
}

const CHECK = (username: string, random: Random): StunAttribute[] => [
  [ATTRIBUTES.username, username],
  [ATTRIBUTES.iceControlling, randomBytes(8, random)],
  [ATTRIBUTES.useCandidate, ''],
  [ATTRIBUTES.priority, randomBytes(4, random)],
];

/** Well-formed as a whole, and wrong in a part: lengths, classes, attributes. */
function malformedStun(username: string, random: Random): Buffer {
  const transaction = randomBytes(12, random);
  const attributes = CHECK(username, random);
  const action = int(random, 6);
  if (action === 0) {
    const strange = [0x0001, 0x0006, 0x0008, 0x0009, 0x0024, 0x8028, 0x802a, 0xffff][int(random, 8)] ?? 0;
    attributes.splice(int(random, 5), 0, [strange, randomBytes(int(random, 300), random)]);
  }
  if (action === 1) attributes.push(...attributes, ...attributes);
  if (action === 2) attributes[0] = [ATTRIBUTES.username, username.padEnd(1200, 'u')];
  if (action === 3) attributes.shift();
  const method = action === 4 ? int(random, 0x4000) : METHODS.binding;
  const message = stunRequest(
    method,
    attributes,
    random() < 0.8 ? { key: 'no', transaction } : { transaction },
  );
  if (action === 5) message.writeUInt16BE(int(random, 0x10000), random() < 0.5 ? 2 : 22);
  return message;
}

const SUITES = [0xc02b, 0xc02f, 0xc00a, 0xc014, 0x009c, 0x00ff];
const PROFILES = [0x0007, 0x0008, 0x0001];

/** DTLS 1.2 (RFC 6347, section 4.2.1) with use_srtp (RFC 5764). */
function clientHello(bytes: (length: number) => Buffer): Buffer {
  const sixteen = (...values: number[]) => {
    const buffer = Buffer.alloc(2 * values.length);
    for (const [index, value] of values.entries()) buffer.writeUInt16BE(value, 2 * index);
    return buffer;
  };
  const counted = (body: Buffer) => Buffer.concat([sixteen(body.length), body]);
  const extension = (type: number, body: Buffer) => Buffer.concat([sixteen(type), counted(body)]);
  const extensions = counted(
    Buffer.concat([
      extension(14, Buffer.concat([counted(sixteen(...PROFILES)), Buffer.from([0])])),
      extension(10, counted(sixteen(0x001d, 0x0017))),
      extension(11, Buffer.from([1, 0])),
      extension(13, counted(sixteen(0x0403, 0x0401))),
      extension(23, Buffer.alloc(0)),
    ]),
  );
  const body = Buffer.concat([
    ...[sixteen(0xfefd), bytes(32), Buffer.from([0, 0]), counted(sixteen(...SUITES))],
    ...[Buffer.from([1, 0]), extensions],
  ]);
  const length = Buffer.from([0, body.length >> 8, body.length & 0xff]);
  const handshake = Buffer.concat([
    Buffer.from([1]),
    length,
    sixteen(0),
    Buffer.from([0, 0, 0]),
    length,
    body,
  ]);
  const record = Buffer.from([22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([record, counted(handshake)]);
}

/** RTP whose header claims more than there is as often as not. */
export function rtp(ssrc: number, random: Random, payloadTypes = [96, 102, 111, int(random, 128)]): Buffer {
  const header = Buffer.alloc(12);
  header[0] =
    0x80 | (random() < 0.3 ? 0x10 : 0) | (random() < 0.1 ? 0x20 : 0) | (random() < 0.1 ? int(random, 16) : 0);
  header[1] = (payloadTypes[int(random, payloadTypes.length)] ?? 0) | (random() < 0.3 ? 0x80 : 0);
  header.writeUInt16BE(int(random, 0x10000), 2);
  header.writeUInt32BE(int(random, 2 ** 32), 4);
  header.writeUInt32BE(ssrc, 8);
  const extension = (header[0] & 0x10) > 0 ? extensionHeader(random) : Buffer.alloc(0);
  return Buffer.concat([header, extension, randomBytes(int(random, 1200), random)]);
}

/** One-byte and two-byte forms (RFC 8285), and no form at all. */
function extensionHeader(random: Random): Buffer {
  const words = int(random, 12);
  const header = Buffer.alloc(4);
  header.writeUInt16BE([0xbede, 0x1000, 0x100f, int(random, 0x10000)][int(random, 4)] ?? 0);
  header.writeUInt16BE(random() < 0.8 ? words : int(random, 0x10000), 2);
  return Buffer.concat([header, randomBytes(4 * words, random)]);
}

/** SR, RR, SDES, BYE, APP, RTPFB, PSFB, XR and what is none, compound, with counts and lengths that may lie. */
export function rtcp(ssrc: () => number, random: Random): Buffer {
  const packets = Array.from({ length: 1 + int(random, 4) }, () => {
    const words = int(random, 12);
    const header = Buffer.alloc(8);
    header[0] = 0x80 | (random() < 0.1 ? 0x20 : 0) | int(random, 32);
    header[1] = 200 + int(random, 9);
    header.writeUInt16BE(random() < 0.8 ? words + 1 : int(random, 0x10000), 2);
    header.writeUInt32BE(ssrc(), 4);
    const body = randomBytes(4 * words, random);
    // Feedback names the media source first (RFC 4585, section 6.1).
    if (body.length >= 4 && random() < 0.7) body.writeUInt32BE(ssrc(), 0);
    if (header[1] === 206 && random() < 0.3 && body.length >= 8) body.write('REMB', 4);
    return Buffer.concat([header, body]);
  });
  return Buffer.concat(packets);
}

function oversize(ssrc: number, random: Random): Buffer {
  const start = random() < 0.5 ? rtp(ssrc, random) : randomBytes(64, random);
  const length = [1501, 2048, 4096, 9001, 16_384, 65_507][int(random, 6)] ?? 2048;
  return Buffer.concat([start, Buffer.alloc(Math.max(0, length - start.length), int(random, 256))]);
}
