/**
 * Reads an SDP offer into what WHIP and WHEP need of it, each value checked: what stands in a `Section`
 * may be written into an answer as it is.
 */
import sdpTransform, { type MediaDescription, type SharedAttributes } from 'sdp-transform';
import { PharosError } from '../base/errors.ts';
import type { DtlsParameters, MediaKind } from '../protocol/messages.ts';

export type IceCredentials = { usernameFragment: string; password: string };
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
export type Feedback = { type: string; parameter?: string };

/** One payload type of an m-line. */
export type OfferedCodec = {
  payloadType: number;
  /** As offered; compare without regard to case. */
  name: string;
  clockRate: number;
  channels: number;
  parameters: ReadonlyMap<string, string>;
  feedback: readonly Feedback[];
};

export type OfferedExtension = { uri: string; id: number; direction: Direction };

export type Fingerprint = DtlsParameters['fingerprints'][number];

/** Attributes of the path; they stand in a section, or for all of them in the session. */
export type Path = { ice?: IceCredentials; fingerprint?: Fingerprint; setup?: string };

/** An m-line and its attributes. */
export type Section = Path & {
  /** For people: `m-line 2 (video)`. */
  name: string;
  type: string;
  /** Undefined where it is neither audio nor video over RTP. */
  kind: MediaKind | undefined;
  protocol: string;
  formats: readonly string[];
  mid: string | undefined;
  /** Port 0 and not bundle-only: the offerer does not want it. */
  disabled: boolean;
  direction: Direction;
  muxed: boolean;
  reducedSize: boolean;
  mixedExtensions: boolean;
  /** In the m-line's order, which is the offerer's order of preference. */
  codecs: readonly OfferedCodec[];
  extensions: readonly OfferedExtension[];
  /** As sdp-transform has them; `simulcast.ts` makes encodings of them. */
  description: MediaDescription;
};

export type Offer = {
  session: Path;
  sections: readonly Section[];
  /** The mids of the BUNDLE group, where there is one. */
  bundle: readonly string[] | undefined;
};

const MAX_LENGTH = 256 * 1024;
const MAX_LINES = 2000;
const MAX_LINE = 4096;
const MAX_SECTIONS = 32;
const MAX_FORMATS = 128;

/** RFC 8866, section 9: token. */
const TOKEN = /^[\x21\x23-\x27\x2a\x2b\x2d\x2e\x30-\x39\x41-\x5a\x5e-\x7e]{1,32}$/;
const FORMAT = /^[\x21-\x7e]{1,64}$/;
const PROTOCOL = /^[A-Za-z0-9/]{1,32}$/;
/** RFC 8829, section 5.1.2: all of these mean the same. */
const RTP = /^(UDP\/TLS\/|TCP\/DTLS\/|TCP\/TLS\/)?RTP\/S?AVPF?$/;
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

/** @throws PharosError `bad_request` */
export function bad(message: string, cause?: unknown): never {
  throw new PharosError('bad_request', message, { cause });
}

/** @throws PharosError `bad_request` */
export function readOffer(sdp: string): Offer {
  const lines = checkedLines(sdp, 'the offer');
  if (lines[0]?.trim() !== 'v=0') bad('this is no SDP offer: it does not start with v=0');
  const session = parsed(sdp);
  if (session.media.length === 0) bad('the offer has no m-line');
  if (session.media.length > MAX_SECTIONS) {
    bad(`the offer has ${session.media.length} m-lines; at most ${MAX_SECTIONS} are read`);
  }
  const sections = session.media.map((media, index) => section(media, session, index + 1));
  const mids = sections.flatMap(({ mid }) => mid ?? []);
  const twice = mids.find((mid, index) => mids.indexOf(mid) !== index);
  if (twice !== undefined) bad(`two m-lines of the offer have the same a=mid:${twice}`);
  return { session: path(session, 'the offer'), sections, bundle: bundleOf(session.groups, mids) };
}

/** The text's lines, if it is short enough and of characters that may be in SDP. */
export function checkedLines(text: string, what: string): string[] {
  if (text.length > MAX_LENGTH) bad(`${what} is too long`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text)) bad(`${what} has control characters in it`);
  const lines = text.split(/\r\n|\n|\r/);
  // sdp-transform tries some seventy patterns on each line.
  if (lines.length > MAX_LINES) bad(`${what} has more than ${MAX_LINES} lines`);
  const long = lines.findIndex((line) => line.length > MAX_LINE);
  if (long >= 0) bad(`line ${long + 1} of ${what} is longer than ${MAX_LINE} characters`);
  return lines;
}

function parsed(sdp: string): sdpTransform.SessionDescription {
  try {
    return sdpTransform.parse(sdp);
  } catch (error) {
    return bad('the offer is not SDP that can be read', error);
  }
}

type Session = sdpTransform.SessionDescription;

function section(media: MediaDescription, session: Session, number: number): Section {
  const type = String(media.type ?? '');
  if (!/^[A-Za-z0-9]{1,16}$/.test(type)) bad(`m-line ${number} of the offer cannot be read`);
  const name = `m-line ${number} (${type})`;
  const protocol = String(media.protocol ?? '');
  const formats = String(media.payloads ?? '')
    .trim()
    .split(/ +/);
  if (!PROTOCOL.test(protocol)) bad(`${name} has no protocol that can be read`);
  if (formats.length > MAX_FORMATS) bad(`${name} has more than ${MAX_FORMATS} formats`);
  if (!formats.every((format) => FORMAT.test(format))) bad(`${name} has no formats that can be read`);
  const mid = media.mid === undefined ? undefined : String(media.mid);
  if (mid !== undefined && !TOKEN.test(mid)) bad(`${name} has a mid that is no token of up to 32 characters`);
  const kind = RTP.test(protocol) && (type === 'audio' || type === 'video') ? type : undefined;
  return {
    ...path(media, name),
    name,
    type,
    kind,
    protocol,
    formats,
    mid,
    disabled: Number(media.port) === 0 && media.bundleOnly === undefined,
    direction: directionOf(media.direction ?? session.direction),
    muxed: media.rtcpMux !== undefined,
    reducedSize: media.rtcpRsize !== undefined,
    mixedExtensions: media.extmapAllowMixed !== undefined || session.extmapAllowMixed !== undefined,
    codecs: kind ? codecs(media, formats, name) : [],
    extensions: kind ? extensions([...(media.ext ?? []), ...(session.ext ?? [])]) : [],
    description: media,
  };
}

function directionOf(value: unknown): Direction {
  return DIRECTIONS.find((direction) => direction === value) ?? 'sendrecv';
}

function codecs(media: MediaDescription, formats: readonly string[], name: string): OfferedCodec[] {
  const mapped = formatsByPayload(media);
  const parameters = new Map(media.fmtp.map(({ payload, config }) => [Number(payload), String(config)]));
  const feedback = feedbackByPayload(media);
  return [...new Set(formats)].flatMap((offered) => {
    const payloadType = /^\d{1,3}$/.test(offered) ? Number(offered) : Number.NaN;
    if (!(payloadType <= 127)) bad(`${name} has the payload type ${offered}, which is not 0 to 127`);
    const format = mapped.get(payloadType);
    // Without, it is one of RFC 3551's static types, none of which is carried.
    if (!format) return [];
    return {
      payloadType,
      ...format,
      parameters: formatParameters(parameters.get(payloadType) ?? ''),
      feedback: [...(feedback.get(String(payloadType)) ?? []), ...(feedback.get('*') ?? [])],
    };
  });
}

type Format = Pick<OfferedCodec, 'name' | 'clockRate' | 'channels'>;

/** The lines a=rtpmap that make sense. */
function formatsByPayload({ rtp }: MediaDescription): Map<number, Format> {
  const found = rtp.map(({ payload, codec, rate, encoding }): [number, Format] => [
    Number(payload),
    { name: String(codec), clockRate: Number(rate), channels: Number(encoding ?? 1) },
  ]);
  return new Map(
    found.filter(
      ([, { name, clockRate, channels }]) =>
        /^[\w.-]{1,32}$/.test(name) && isCount(clockRate, 1e9) && isCount(channels, 255),
    ),
  );
}

const isCount = (value: number, max: number) => Number.isInteger(value) && value >= 1 && value <= max;

/** A Map, as the names are the offerer's choice: `__proto__` is one like others. */
export function formatParameters(config: string): Map<string, string> {
  const pairs = config.split(';').map((pair): [string, string] => {
    const [name = '', ...value] = pair.split('=');
    return [name.trim().toLowerCase(), value.join('=').trim()];
  });
  return new Map(pairs.filter(([name]) => name !== ''));
}

function feedbackByPayload(media: MediaDescription): Map<string, Feedback[]> {
  const found = new Map<string, Feedback[]>();
  for (const { payload, type, subtype } of media.rtcpFb ?? []) {
    const parameter = String(subtype ?? '');
    const one = { type: String(type), ...(parameter && { parameter }) };
    const others = found.get(String(payload));
    if (others) others.push(one);
    else found.set(String(payload), [one]);
  }
  return found;
}

function extensions(lines: NonNullable<MediaDescription['ext']>): OfferedExtension[] {
  // Encrypted ones (RFC 6904) are not carried.
  return lines
    .filter((line) => line['encrypt-uri'] === undefined)
    .map(({ uri, value, direction }) => ({
      uri: String(uri),
      id: Number(value),
      direction: directionOf(direction),
    }));
}

/** ICE-char is a smaller set (RFC 8839, section 5.4), but some clients take others. */
const UFRAG = /^[\x21-\x7e]{4,256}$/;
const PASSWORD = /^[\x21-\x7e]{22,256}$/;
const ALGORITHMS: readonly Fingerprint['algorithm'][] = ['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512'];

function path(description: SharedAttributes, where: string): Path {
  const { iceUfrag, icePwd, fingerprint, setup } = description;
  return {
    ice: credentials(iceUfrag, icePwd, where),
    fingerprint: fingerprint && fingerprintOf(fingerprint, where),
    setup: setup === undefined ? undefined : String(setup),
  };
}

/** @throws PharosError `bad_request` where one is there without the other. */
export function credentials(ufrag: unknown, password: unknown, where: string): IceCredentials | undefined {
  if (ufrag === undefined && password === undefined) return undefined;
  const found = { usernameFragment: String(ufrag ?? ''), password: String(password ?? '') };
  if (!UFRAG.test(found.usernameFragment)) bad(`${where} has no valid a=ice-ufrag (4 to 256 characters)`);
  if (!PASSWORD.test(found.password)) bad(`${where} has no valid a=ice-pwd (22 to 256 characters)`);
  return found;
}

function fingerprintOf({ type, hash }: { type: string; hash: string }, where: string): Fingerprint {
  const algorithm = ALGORITHMS.find((known) => known === String(type).toLowerCase());
  const value = String(hash).toUpperCase();
  if (!algorithm) bad(`${where} has an a=fingerprint that is none of ${ALGORITHMS.join(', ')}`);
  if (!/^[0-9A-F]{2}(:[0-9A-F]{2}){15,63}$/.test(value))
    bad(`${where} has an a=fingerprint that is not hex digits`);
  return { algorithm, value };
}

function bundleOf(groups: Session['groups'], mids: readonly string[]): string[] | undefined {
  const known = new Set(mids);
  const bundles = (groups ?? []).filter(({ type }) => type === 'BUNDLE');
  return bundles
    .map((group) => [...new Set(String(group.mids).trim().split(/ +/))].filter((mid) => known.has(mid)))
    .find((group) => group.length > 0);
}
