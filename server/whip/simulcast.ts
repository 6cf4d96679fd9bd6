/** Which RTP streams an m-line will send: one, or several of different quality (simulcast). */
import type { RtpParameters } from '../protocol/messages.ts';
import type { Extension } from './sdp-negotiation.ts';
import { formatParameters, type Section } from './sdp-offer.ts';

export type Encodings = {
  /** From the lowest quality to the highest, as mediasoup wants them. */
  encodings: NonNullable<RtpParameters['encodings']>;
  /** In the offer's order, to be answered with; empty where streams have no names. */
  rids: readonly string[];
  /** Whether retransmissions can be told apart. */
  rtx: boolean;
  cname: string | undefined;
};

const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const RID = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
const REPAIRED_RID = 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id';

/** As many as mediasoup and players make use of; a player never gets more than one of them. */
const MAX_LAYERS = 4;

/**
 * Without it mediasoup takes each layer to be without temporal ones, and drops all frames that are
 * (Chromium's VP8 simulcast has three).
 */
const TEMPORAL_LAYERS = 'L1T3';

/** Whether it offers several streams of one picture. */
export function offersSeveral({ description: { simulcast, ssrcGroups = [] } }: Section): boolean {
  return simulcast !== undefined || ssrcGroups.some(({ semantics }) => semantics === 'SIM');
}

/**
 * A sentence where the streams could not be told from others on the same transport.
 * @param several Whether more than one of them is taken.
 */
export function readEncodings(
  section: Section,
  payloadType: number,
  extensions: readonly Extension[],
  several = true,
): Encodings | string {
  const has = (uri: string) => extensions.some((extension) => extension.uri === uri);
  const byMid = has(MID) && section.mid !== undefined;
  const sources = sourcesOf(section, several);
  const { cname } = sources;
  const rids = several ? offeredRids(section, payloadType) : [];
  if (rids.length > 0 && byMid && has(RID)) {
    const best = byQuality(rids).slice(-MAX_LAYERS);
    return {
      encodings: layered(best.map(({ id }) => ({ rid: id }))),
      rids: rids.filter((rid) => best.includes(rid)).map(({ id }) => id),
      rtx: has(REPAIRED_RID),
      cname,
    };
  }
  if (sources.streams.length > 0) {
    const rtx = sources.streams.every((ssrc) => sources.rtx.has(ssrc));
    const encodings = sources.streams.map((ssrc) => {
      const repair = sources.rtx.get(ssrc);
      return rtx && repair !== undefined ? { ssrc, rtx: { ssrc: repair } } : { ssrc };
    });
    return { encodings: layered(encodings), rids: [], rtx, cname };
  }
  if (rids.length > 0) {
    return `${section.name} offers simulcast, which needs a=mid and the header extensions ${MID} and ${RID}`;
  }
  if (byMid) return { encodings: [{}], rids: [], rtx: true, cname };
  return `${section.name} has to say how its packets are known: by a=ssrc, or by a=mid and the header extension ${MID}`;
}

function layered(encodings: Encodings['encodings']): Encodings['encodings'] {
  return encodings.length > 1
    ? encodings.map((encoding) => ({ ...encoding, scalabilityMode: TEMPORAL_LAYERS }))
    : encodings;
}

// --- Streams by name (RFC 8851, RFC 8853) -----------------------------------------

type Rid = { id: string; restrictions: ReadonlyMap<string, string> };

/** Those of `a=simulcast:send`, in its order; of alternatives the first. */
function offeredRids({ kind, description }: Section, payloadType: number): Rid[] {
  const { simulcast, rids = [] } = description;
  if (!simulcast || kind !== 'video') return [];
  const { dir1, list1, dir2, list2 } = simulcast;
  const list = dir1 === 'send' ? list1 : dir2 === 'send' ? list2 : undefined;
  if (list === undefined) return [];
  const declared = new Map(
    rids
      .filter(({ direction }) => direction === 'send')
      .map(({ id, params }) => [String(id), formatParameters(String(params ?? ''))]),
  );
  const ids = String(list)
    .split(';')
    .map((alternatives) => (alternatives.split(',')[0] ?? '').replace(/^~/, ''));
  return [...new Set(ids)].flatMap((id) => {
    const restrictions = declared.get(id);
    if (!restrictions || !/^[A-Za-z0-9]{1,16}$/.test(id)) return [];
    const payloadTypes = restrictions.get('pt')?.split(',').map(Number);
    return payloadTypes && !payloadTypes.includes(payloadType) ? [] : { id, restrictions };
  });
}

/** What applications call their layers, lowest first. */
const NAMES = [
  ['q', 'h', 'f'],
  ['l', 'm', 'h'],
  ['low', 'mid', 'high'],
  ['low', 'medium', 'high'],
  // mediasoup-client
  Array.from({ length: 8 }, (_, index) => `r${index}`),
];

/** What may restrict a stream, and tells its quality; the first that any has decides. */
const MEASURES: ((restrictions: Rid['restrictions']) => number | undefined)[] = [
  (rid) => numberOf(rid, 'max-width') ?? numberOf(rid, 'max-height'),
  (rid) => numberOf(rid, 'max-fs'),
  (rid) => numberOf(rid, 'max-pps'),
  (rid) => numberOf(rid, 'max-br'),
];

function numberOf(restrictions: Rid['restrictions'], name: string): number | undefined {
  const value = restrictions.get(name);
  return value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) : undefined;
}

/** Lowest first. */
function byQuality(rids: readonly Rid[]): Rid[] {
  // RFC 8853, section 5.2: in order of preference, which is that of quality where nothing else tells.
  const ascending = rids.toReversed();
  const measure = MEASURES.find((measured) => {
    const values = new Set(rids.map(({ restrictions }) => measured(restrictions)));
    return values.size > 1;
  });
  if (measure) {
    // One without a restriction is the largest.
    const of = ({ restrictions }: Rid) => measure(restrictions) ?? Number.MAX_SAFE_INTEGER;
    return ascending.toSorted((a, b) => of(a) - of(b));
  }
  const names = NAMES.find((known) => rids.every(({ id }) => known.includes(id.toLowerCase())));
  if (!names) return ascending;
  const rank = ({ id }: Rid) => names.indexOf(id.toLowerCase());
  return ascending.toSorted((a, b) => rank(a) - rank(b));
}

// --- Streams by SSRC (RFC 5576) ---------------------------------------------------

type Sources = {
  /** Of media: one, or those of a SIM group, lowest quality first. */
  streams: readonly number[];
  rtx: ReadonlyMap<number, number>;
  cname: string | undefined;
};

function sourcesOf({ kind, description }: Section, several: boolean): Sources {
  const { ssrcs = [], ssrcGroups = [] } = description;
  const groups = ssrcGroups.map((group) => ({
    semantics: String(group.semantics),
    ssrcs: String(group.ssrcs).trim().split(/ +/).map(Number),
  }));
  const rtx = new Map<number, number>();
  const secondary = new Set<number>();
  for (const {
    semantics,
    ssrcs: [first, second],
  } of groups) {
    if (semantics !== 'FID' && semantics !== 'FEC-FR') continue;
    if (!validSsrc(first) || !validSsrc(second) || first === second || secondary.has(second)) continue;
    secondary.add(second);
    if (semantics === 'FID' && !rtx.has(first)) rtx.set(first, second);
  }
  const listed = [...new Set(ssrcs.map(({ id }) => Number(id)))].filter(validSsrc);
  const simulcast = groups.find(({ semantics }) => semantics === 'SIM' && kind === 'video');
  const layers = several ? [...new Set(simulcast?.ssrcs)].filter(validSsrc) : [];
  const media = (layers.length > 1 ? layers.slice(-MAX_LAYERS) : listed).filter(
    (ssrc) => !secondary.has(ssrc),
  );
  const cname = ssrcs.find(({ attribute, value }) => attribute === 'cname' && value !== undefined)?.value;
  return {
    streams: layers.length > 1 ? media : media.slice(0, 1),
    rtx,
    cname: CNAME.test(String(cname ?? '')) ? String(cname) : undefined,
  };
}

/** What may stand in an answer as it is. */
export const CNAME = /^[\x21-\x7e]{1,255}$/;

function validSsrc(ssrc: number | undefined): ssrc is number {
  return Number.isInteger(ssrc) && ssrc !== undefined && ssrc > 0 && ssrc <= 0xffffffff;
}
