/** What both kinds of answers have in common: which m-lines are taken, and the one path that carries them. */
import { PharosError } from '../base/errors.ts';
import type { DtlsParameters, MediaKind, RtpCapabilities, RtpParameters } from '../protocol/messages.ts';
import { described, PROFILES, profileOf } from './h264-profile.ts';
import {
  bad,
  type Direction,
  type Feedback,
  type IceCredentials,
  type Offer,
  type OfferedCodec,
  type Path,
  type Section,
} from './sdp-offer.ts';

export type RouterCodec = RtpCapabilities['codecs'][number];
export type ExtensionUri = RtpCapabilities['headerExtensions'][number]['uri'];
export type Extension = { uri: ExtensionUri; id: number; direction: Direction };

/**
 * An m-line, and either how it is carried or why not. One that is held is not carried, but not rejected
 * either: it is answered as inactive.
 */
export type Line<T> = { section: Section } & ({ taken: T } | { refusal: string; held: boolean });

/** An offer, and what becomes of it. */
export type Negotiated<T> = {
  /** Of the client. */
  ice: IceCredentials;
  /** Of the client, with the role that it will have. */
  dtls: DtlsParameters;
  /** Our `a=setup`. */
  setup: 'active' | 'passive';
  /** All m-lines of the offer, in its order. */
  lines: readonly Line<T>[];
  /** The mids that are not rejected, in the order of the offer's BUNDLE group; undefined where it has none. */
  bundle: readonly string[] | undefined;
  /** The m-line that describes the path (RFC 9143, section 7.3.1: the answerer-tagged one). */
  tagged: Section;
};

/**
 * `negotiate` gets each m-line that could be carried: audio or video, muxed, in the bundle, of a right
 * direction, the first of its kind. It says how the m-line is carried, or why it cannot be.
 * @throws PharosError `bad_request`, or `unsupported_codec` if nothing is taken.
 */
export function negotiated<T>(
  offer: Offer,
  directions: readonly Direction[],
  negotiate: (section: Section, kind: MediaKind) => T | string,
): Negotiated<T> {
  const taken = new Set<MediaKind>();
  const lines = offer.sections.map((section): Line<T> => {
    const { kind } = section;
    if (!kind) return { section, refusal: `${section.name} is not audio or video over RTP`, held: false };
    const result = objection(offer, section, kind, directions, taken) ?? negotiate(section, kind);
    if (typeof result === 'string') return { section, refusal: result, held: isHeld(offer, section) };
    taken.add(kind);
    return { section, taken: result };
  });
  if (taken.size === 0) throw new PharosError('unsupported_codec', reasons(lines).join('; '));
  const kept = lines.filter((line) => 'taken' in line || line.held).map(({ section }) => section);
  const bundle = offer.bundle?.filter((mid) => kept.some((section) => section.mid === mid));
  const tagged = kept.find((section) => !bundle || section.mid === bundle[0]);
  if (!tagged) throw new Error('an m-line was taken, and none describes the path');
  return { ...pathOf(offer, tagged), lines, bundle, tagged };
}

/**
 * RFC 9143 has the next m-line of the group describe the path where the first is rejected, but Chromium
 * then fails ("Failed to setup RTCP mux"): its offers' first m-line is never rejected.
 */
function isHeld({ bundle }: Offer, section: Section): boolean {
  const { mid, muxed, disabled } = section;
  return (
    bundle !== undefined && mid === bundle[0] && muxed && !disabled && firstFormat(section) !== undefined
  );
}

/** By which an m-line is answered on which nothing is sent. */
export function firstFormat({ codecs }: Section): OfferedCodec | undefined {
  return codecs.find(({ name }) => name.toLowerCase() !== 'rtx');
}

function objection(
  offer: Offer,
  { name, mid, disabled, direction, muxed }: Section,
  kind: MediaKind,
  directions: readonly Direction[],
  taken: ReadonlySet<MediaKind>,
): string | undefined {
  if (disabled) return `${name} is switched off: its port is 0`;
  if (!directions.includes(direction))
    return `${name} is ${direction}, and has to be ${directions.join(' or ')}`;
  if (taken.has(kind)) return `${name} is a further ${kind} track, and one is carried`;
  if (offer.bundle && !(mid !== undefined && offer.bundle.includes(mid))) {
    return `${name} is not in the BUNDLE group, and only one transport is carried`;
  }
  if (!offer.bundle && taken.size > 0) return `${name} is a further m-line without a=group:BUNDLE`;
  if (!muxed) return `${name} is without a=rtcp-mux, which has to be there`;
  return undefined;
}

/** Why m-lines are not carried. That data channels are not is left out, unless there is nothing else. */
export function reasons(lines: readonly Line<unknown>[]): string[] {
  const refused = lines.flatMap((line) => ('refusal' in line ? [line] : []));
  const media = refused.filter(({ section }) => section.kind !== undefined);
  return (media.length > 0 ? media : refused).map(({ refusal }) => refusal);
}

/** The bundle's one path: as the tagged m-line has it, or the session, or the one that the offerer tagged. */
function pathOf(
  { session, sections, bundle }: Offer,
  tagged: Section,
): Pick<Negotiated<unknown>, 'ice' | 'dtls' | 'setup'> {
  const others = sections.filter(({ mid }) => bundle && mid !== undefined && bundle.includes(mid));
  const places: Path[] = [tagged, session, ...others];
  const ice = places.find((place) => place.ice)?.ice;
  const fingerprint = places.find((place) => place.fingerprint)?.fingerprint;
  const setup = places.find((place) => place.setup !== undefined)?.setup ?? 'actpass';
  if (!ice) bad('the offer has no a=ice-ufrag and a=ice-pwd');
  if (!fingerprint) bad('the offer has no a=fingerprint: media is carried over DTLS only');
  if (!['actpass', 'active', 'passive'].includes(setup)) bad(`the offer has a=setup:${setup.slice(0, 32)}`);
  // The client is the DTLS client unless it insists on being the server (RFC 5763, section 5).
  const passive = setup === 'passive';
  return {
    ice,
    dtls: { role: passive ? 'server' : 'client', fingerprints: [fingerprint] },
    setup: passive ? 'active' : 'passive',
  };
}

// --- Codecs and header extensions ---------------------------------------------

/** The RTX payload type that goes with this one (RFC 4588). */
export function rtxOf(section: Section, { payloadType, clockRate }: OfferedCodec): OfferedCodec | undefined {
  return section.codecs.find(
    (codec) =>
      codec.name.toLowerCase() === 'rtx' &&
      codec.clockRate === clockRate &&
      codec.channels === 1 &&
      codec.parameters.get('apt') === String(payloadType),
  );
}

export function routerRtxOf(router: RtpCapabilities, codec: RouterCodec): RouterCodec | undefined {
  return router.codecs.find((other) => isRtx(other) && other.parameters?.apt === codec.preferredPayloadType);
}

/** Whether the two are the same codec of media, but for their parameters other than VP9's and AV1's profile. */
export function sameCodec(offered: OfferedCodec, kind: MediaKind, codec: RouterCodec): boolean {
  return (
    !isRtx(codec) &&
    codec.mimeType.toLowerCase() === `${kind}/${offered.name.toLowerCase()}` &&
    codec.clockRate === offered.clockRate &&
    (codec.channels ?? 1) === offered.channels &&
    sameProfile(offered, codec)
  );
}

/** Which parameter has it; where that is not said, it is 0 (RFC 9628, section 6; AV1's payload format, section 7.2). */
const PROFILE: Readonly<Record<string, string>> = { 'video/vp9': 'profile-id', 'video/av1': 'profile' };

function sameProfile(offered: OfferedCodec, { mimeType, parameters }: RouterCodec): boolean {
  const name = PROFILE[mimeType.toLowerCase()];
  return name === undefined || Number(offered.parameters.get(name) ?? 0) === Number(parameters?.[name] ?? 0);
}

const isRtx = ({ mimeType }: RouterCodec) => /\/rtx$/i.test(mimeType);
export const isG711 = ({ name }: Pick<OfferedCodec, 'name'>) => /^pcm[ua]$/i.test(name);
/** Whether mediasoup chooses among streams of it, which it cannot of VP9 and AV1. */
export const hasSimulcast = ({ mimeType }: RouterCodec) => /\/(vp8|h264)$/i.test(mimeType);
/** Read in AV1 alone: in others mediasoup finds all that it needs in the payload. */
export const isDependencyDescriptor = ({ uri }: Pick<Extension, 'uri'>) =>
  uri.includes('#dependency-descriptor');
export const isH264 = ({ mimeType }: RouterCodec) => mimeType.toLowerCase() === 'video/h264';

/** What is offered with a codec and the router makes use of. */
export function sharedFeedback(offered: OfferedCodec, codec: RouterCodec): Feedback[] {
  const same = (a: Feedback, b: Feedback) => a.type === b.type && (a.parameter ?? '') === (b.parameter ?? '');
  return (codec.rtcpFeedback ?? []).filter((one) => offered.feedback.some((other) => same(one, other)));
}

const TRANSPORT_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
const ABS_SEND_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';

/** One way of bandwidth estimation: by transport-wide feedback where both ends can, else by REMB. */
export function oneEstimator(
  feedback: readonly Feedback[],
  extensions: readonly Extension[],
): NonNullable<RtpParameters['codecs'][number]['rtcpFeedback']> {
  const has = (uri: string) => extensions.some((extension) => extension.uri === uri);
  const byTransport = has(TRANSPORT_CC) && feedback.some(({ type }) => type === 'transport-cc');
  return feedback.filter(({ type }) => {
    if (type === 'transport-cc') return byTransport;
    if (type === 'goog-remb') return !byTransport && has(ABS_SEND_TIME);
    return true;
  });
}

/** The header extensions offered that the router knows, and uses in this direction. */
export function sharedExtensions(
  section: Section,
  router: RtpCapabilities,
  use: 'receive' | 'send',
): Extension[] {
  const [ours, theirs] =
    use === 'receive' ? (['recvonly', 'sendonly'] as const) : (['sendonly', 'recvonly'] as const);
  const found = new Map<number, Extension>();
  const seen = new Set<string>();
  for (const { uri, id, direction } of section.extensions) {
    const known = router.headerExtensions.find(
      (extension) => extension.kind === section.kind && extension.uri === uri,
    );
    if (!known || ![ours, 'sendrecv', undefined].includes(known.direction)) continue;
    if (![theirs, 'sendrecv'].includes(direction) || seen.has(uri) || found.has(id)) continue;
    if (!validId(id, use === 'receive' && section.mixedExtensions)) continue;
    seen.add(uri);
    found.set(id, { uri: known.uri, id, direction });
  }
  return [...found.values()];
}

/** RFC 8285, section 4: 15 is reserved, and two-byte headers are for those who offer to mix. */
function validId(id: number, mixed: boolean): boolean {
  return (id >= 1 && id <= 14) || (mixed && id >= 16 && id <= 255);
}

// --- Sentences for people -------------------------------------------------------

/** `the offer carries video as H265 and AV1; this server carries VP8: choose one of them …` */
export function mismatch(section: Section, kind: MediaKind, router: RtpCapabilities, where: string): string {
  const names = new Set(section.codecs.filter(({ name }) => name.toLowerCase() !== 'rtx').map(nameOf));
  const offered = names.size > 0 ? and([...names].slice(0, 8)) : 'nothing that can be named';
  const carried = and(carriedNames(router, kind));
  const advice = carried
    ? `this server carries ${carried}: choose one of them ${where}`
    : `this server carries no ${kind}`;
  return `the offer carries ${kind} as ${offered}; ${advice}`;
}

function nameOf({ name, clockRate, channels, parameters }: OfferedCodec): string {
  if (/^h264$/i.test(name)) {
    const mode = parameters.get('packetization-mode') === '2' ? ' in packetization-mode 2' : '';
    return `H.264 ${described(parameters.get('profile-level-id'))}${mode}`;
  }
  return /^opus$/i.test(name) ? `opus/${clockRate}/${channels}` : name;
}

function carriedNames(router: RtpCapabilities, kind: MediaKind): string[] {
  const media = router.codecs.filter((codec) => codec.kind === kind && !isRtx(codec));
  const h264 = media
    .filter(isH264)
    .map(({ parameters }) => profileOf(String(parameters?.['profile-level-id'])));
  const profiles = PROFILES.filter((profile) => h264.includes(profile));
  const others = media
    .filter((codec) => !isH264(codec))
    .map(({ mimeType, clockRate, channels }) => {
      const name = mimeType.slice(mimeType.indexOf('/') + 1);
      return kind === 'audio' ? `${name}/${clockRate}${channels ? `/${channels}` : ''}` : name;
    });
  return profiles.length > 0 ? [...others, `H.264 (profiles ${and(profiles)})`] : others;
}

function and(items: readonly string[]): string {
  return items.length > 1 ? `${items.slice(0, -1).join(', ')} and ${items.at(-1)}` : (items[0] ?? '');
}
