/** Basic and Digest authentication (RFC 7617, RFC 7616) from the side of the client. */
import { createHash, randomBytes } from 'node:crypto';

export type Credentials = { username: string; password: string };
export type Request = {
  method: string;
  uri: string;
  /** The how manieth request by this challenge it is. */
  count?: number;
};

export type Challenge =
  | { scheme: 'basic' }
  | {
      scheme: 'digest';
      hash: 'md5' | 'sha256' | 'sha512-256';
      /** With `-sess` at the end of the algorithm. */
      session: boolean;
      /** As it was given, to be sent back. */
      algorithm: string | undefined;
      realm: string;
      nonce: string;
      opaque: string | undefined;
      qop: boolean;
    };

const HASHES = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' } as const;
/** The safest first. */
const ORDER = ['sha512-256', 'sha256', 'md5'];

/** The best of the challenges in `WWW-Authenticate` headers, one each; undefined if none is understood. */
export function chooseChallenge(headers: readonly string[]): Challenge | undefined {
  const known = headers.map(parseChallenge).filter((challenge) => challenge !== undefined);
  const rank = (challenge: Challenge) =>
    challenge.scheme === 'basic' ? ORDER.length : ORDER.indexOf(challenge.hash);
  return known.sort((a, b) => rank(a) - rank(b))[0];
}

function parseChallenge(header: string): Challenge | undefined {
  const [, scheme, rest = ''] = /^(\w+)\s*(.*)$/.exec(header) ?? [];
  if (scheme?.toLowerCase() === 'basic') return { scheme: 'basic' };
  if (scheme?.toLowerCase() !== 'digest') return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, plain = ''] of rest.matchAll(
    /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g,
  )) {
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
  }
  const algorithm = parameters.get('algorithm');
  const [, name = 'MD5', session] = /^(.*?)(-sess)?$/i.exec(algorithm ?? 'MD5') ?? [];
  const hash = Object.entries(HASHES).find(([known]) => known === name.toUpperCase())?.[1];
  const [realm, nonce, qop] = ['realm', 'nonce', 'qop'].map((key) => parameters.get(key));
  const offers = qop?.split(',').map((offer) => offer.trim().toLowerCase());
  if (hash === undefined || realm === undefined || nonce === undefined) return undefined;
  if (offers && !offers.includes('auth')) return undefined;
  return {
    scheme: 'digest',
    hash,
    session: session !== undefined,
    algorithm,
    realm,
    nonce,
    opaque: parameters.get('opaque'),
    qop: offers !== undefined,
  };
}

/** The `Authorization` header's value. */
export function authorize(
  challenge: Challenge,
  { username, password }: Credentials,
  { method, uri, count = 1 }: Request,
  cnonce = randomBytes(8).toString('hex'),
): string {
  if (challenge.scheme === 'basic') {
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }
  const { hash, session, algorithm, realm, nonce, opaque, qop } = challenge;
  const digest = (text: string) => createHash(hash).update(text).digest('hex');
  const nc = count.toString(16).padStart(8, '0');
  const secret = digest(`${username}:${realm}:${password}`);
  const one = session ? digest(`${secret}:${nonce}:${cnonce}`) : secret;
  const two = digest(`${method}:${uri}`);
  const response = digest(qop ? `${one}:${nonce}:${nc}:${cnonce}:auth:${two}` : `${one}:${nonce}:${two}`);
  const fields = [
    `username=${quoted(username)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(uri)}`,
    `response="${response}"`,
    ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
    ...(qop ? [`qop=auth`, `nc=${nc}`] : []),
    ...(qop || session ? [`cnonce="${cnonce}"`] : []),
  ];
  return `Digest ${fields.join(', ')}`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
