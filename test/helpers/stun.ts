/** STUN and TURN messages by hand (RFC 8489, RFC 8656), for tests that say what no client would. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { isIPv6, SocketAddress } from 'node:net';
import { crc32 } from 'node:zlib';

export const METHODS = { binding: 0x001, allocate: 0x003, createPermission: 0x008, channelBind: 0x009 };
export const ATTRIBUTES = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  channelNumber: 0x000c,
  xorPeerAddress: 0x0012,
  realm: 0x0014,
  nonce: 0x0015,
  requestedAddressFamily: 0x0017,
  requestedTransport: 0x0019,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlling: 0x802a,
};

const COOKIE = 0x2112a442;
const FINGERPRINT_XOR = 0x5354554e;

export type StunAttribute = readonly [type: number, value: Buffer | string];

/** A request. `key`: by which MESSAGE-INTEGRITY is made; without, there is none. */
export function stunRequest(
  method: number,
  attributes: readonly StunAttribute[],
  { key, transaction = randomBytes(12) }: { key?: Buffer | string; transaction?: Buffer } = {},
): Buffer {
  let message = Buffer.alloc(20);
  message.writeUInt16BE(method, 0);
  message.writeUInt32BE(COOKIE, 4);
  transaction.copy(message, 8);
  const append = (type: number, value: Buffer) => {
    const header = Buffer.alloc(4);
    header.writeUInt16BE(type, 0);
    header.writeUInt16BE(value.length, 2);
    message = Buffer.concat([message, header, value, Buffer.alloc(-value.length & 3)]);
  };
  // The length counts the attribute that is computed over it (RFC 8489, sections 14.5 and 14.7).
  const announce = (octets: number) => message.writeUInt16BE(message.length - 20 + octets, 2);
  for (const [type, value] of attributes) append(type, Buffer.from(value));
  if (key !== undefined) {
    announce(24);
    append(ATTRIBUTES.messageIntegrity, createHmac('sha1', key).update(message).digest());
  }
  announce(8);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE((crc32(message) ^ FINGERPRINT_XOR) >>> 0);
  append(ATTRIBUTES.fingerprint, checksum);
  return message;
}

export type StunAnswer = {
  success: boolean;
  transaction: Buffer;
  attributes: ReadonlyMap<number, Buffer>;
  /** Such as 401; undefined with success. */
  error: number | undefined;
};

/** What came back; undefined if that is no STUN response. */
export function stunAnswer(message: Buffer): StunAnswer | undefined {
  const type = message.length >= 20 ? message.readUInt16BE(0) : 0;
  if ((type & 0x0100) === 0 || message.readUInt32BE(4) !== COOKIE) return undefined;
  const attributes = new Map<number, Buffer>();
  for (let at = 20; at + 4 <= message.length; ) {
    const length = message.readUInt16BE(at + 2);
    attributes.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + length));
    at += 4 + length + (-length & 3);
  }
  const code = attributes.get(ATTRIBUTES.errorCode);
  return {
    success: (type & 0x0010) === 0,
    transaction: message.subarray(8, 20),
    attributes,
    error: code && (code[2] ?? 0) * 100 + (code[3] ?? 0),
  };
}

/** The key of long-term credentials (RFC 8489, section 9.2.2). */
export function longTermKey(username: string, realm: string, password: string): Buffer {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest();
}

/** XOR-PEER-ADDRESS and its kin (RFC 8489, section 14.2). */
export function xorAddress(ip: string, port: number, transaction: Buffer): Buffer {
  const octets = isIPv6(ip) ? octets6(ip) : Buffer.from(ip.split('.').map(Number));
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(COOKIE);
  transaction.copy(mask, 4);
  const head = Buffer.from([0, isIPv6(ip) ? 2 : 1, 0, 0]);
  head.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  return Buffer.concat([head, octets.map((octet, index) => octet ^ (mask[index] ?? 0))]);
}

function octets6(ip: string): Buffer {
  // Node writes it without dots, and "::" is all that is left to expand.
  const { address } = new SocketAddress({ address: ip, family: 'ipv6' });
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [left = '', right] = plain.split('::');
  const groups = (text: string) => text.split(':').filter(Boolean);
  const [start, end] = [groups(left), groups(right ?? '')];
  const middle = Array.from({ length: 8 - start.length - end.length }, () => '0');
  const result = Buffer.alloc(16);
  for (const [index, group] of [...start, ...middle, ...end].entries()) {
    result.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  }
  return result;
}
