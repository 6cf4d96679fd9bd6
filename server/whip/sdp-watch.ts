/** WHEP (draft-ietf-wish-whep): the offer of one who watches, and its answer. */
import type { Wire } from '../../workers/media/wire.ts';
import type { ConsumerParameters, Media, MediaKind, RtpCapabilities } from '../protocol/messages.ts';
import { contains, formatOf, PROFILES, profileOf } from './h264-profile.ts';
import {
  type AnsweredSection,
  codecLines,
  encodingOf,
  extensionLines,
  inactive,
  writeAnswer,
} from './sdp-answer.ts';
import {
  type Extension,
  isG711,
  isH264,
  mismatch,
  type Negotiated,
  negotiated,
  type RouterCodec,
  reasons,
  routerRtxOf,
  rtxOf,
  sameCodec,
  sharedExtensions,
  sharedFeedback,
} from './sdp-negotiation.ts';
import { type OfferedCodec, readOffer, type Section } from './sdp-offer.ts';
import { CNAME } from './simulcast.ts';

/** A codec of the router's, and the viewer's payload type for it. */
type Pair = {
  carried: RouterCodec;
  codec: OfferedCodec;
  rtx: { carried: RouterCodec; codec: OfferedCodec } | undefined;
};

type WatchedSection = {
  section: Section;
  kind: MediaKind;
  pairs: readonly Pair[];
  extensions: readonly Extension[];
};

export type WatchOffer = Negotiated<WatchedSection> & {
  /** In the router's numbering: what of the router's this viewer can receive. */
  rtpCapabilities: RtpCapabilities;
  wire: Wire;
  mids: Partial<Record<MediaKind, string>>;
  /** Why m-lines are not carried, in sentences for people. */
  refused: string[];
};

/**
 * @throws PharosError `bad_request` for what cannot be understood, `unsupported_codec` if no m-line could
 * be carried.
 */
export function readWatchOffer(sdp: string, router: RtpCapabilities): WatchOffer {
  const offer = negotiated(readOffer(sdp), ['recvonly', 'sendrecv'], (section, kind) =>
    watchedSection(section, kind, router),
  );
  const sections = offer.lines.flatMap((line) => ('taken' in line ? line.taken : []));
  const pairs = sections.flatMap((section) => section.pairs);
  // mediasoup looks for RTX by name only: with one codec's RTX in the capabilities it sends any codec's.
  const video = pairs.filter(({ carried }) => carried.kind === 'video');
  const repaired = video.every(({ rtx }) => rtx) ? video.flatMap(({ rtx }) => rtx ?? []) : [];
  const extensionIds = sharedIds(sections);
  return {
    ...offer,
    rtpCapabilities: {
      codecs: [
        ...pairs.map(({ carried, codec }) => ({ ...carried, rtcpFeedback: sharedFeedback(codec, carried) })),
        ...repaired.map(({ carried }) => ({ ...carried, rtcpFeedback: [] })),
      ],
      headerExtensions: router.headerExtensions.filter(({ uri }) => extensionIds.has(uri)),
    },
    wire: {
      payloadTypes: Object.fromEntries(
        [...pairs, ...repaired].map(({ carried, codec }) => [
          carried.preferredPayloadType,
          codec.payloadType,
        ]),
      ),
      extensionIds: Object.fromEntries(extensionIds),
    },
    mids: Object.fromEntries(sections.map(({ kind, section }) => [kind, section.mid])),
    refused: reasons(offer.lines),
  };
}

function watchedSection(section: Section, kind: MediaKind, router: RtpCapabilities): WatchedSection | string {
  const pairs = router.codecs.flatMap((carried): Pair[] => {
    const codec = receiving(section, kind, carried);
    if (!codec) return [];
    const rtx = { carried: routerRtxOf(router, carried), codec: rtxOf(section, codec) };
    return [{ carried, codec, rtx: rtx.carried && rtx.codec && { carried: rtx.carried, codec: rtx.codec } }];
  });
  if (pairs.length === 0) return mismatch(section, kind, router, 'in the player');
  return { section, kind, pairs, extensions: sharedExtensions(section, router, 'send') };
}

/** The payload type by which the viewer can receive what the router carries. */
function receiving(section: Section, kind: MediaKind, carried: RouterCodec): OfferedCodec | undefined {
  const same = section.codecs.filter((codec) => sameCodec(codec, kind, carried));
  if (!isH264(carried)) return same[0];
  const needed = profileOf(String(carried.parameters?.['profile-level-id']));
  const suited = same.flatMap((codec) => {
    const profile = profileOf(codec.parameters.get('profile-level-id'));
    const single = codec.parameters.get('packetization-mode') === '1';
    return needed && profile && single && contains(profile, needed) ? { codec, profile } : [];
  });
  return suited.toSorted((a, b) => PROFILES.indexOf(a.profile) - PROFILES.indexOf(b.profile))[0]?.codec;
}

const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
/** What mediasoup writes of a mid (`MidRtpExtensionMaxLength`). */
const MAX_MID = 8;

/** One id for each extension, as all media go over one transport and mediasoup takes no heed of the kind. */
function sharedIds(sections: readonly WatchedSection[]): Map<string, number> {
  const ids = new Map<string, number>();
  const named = sections.every(({ section: { mid } }) => mid !== undefined && mid.length <= MAX_MID);
  const offered = sections.flatMap(({ section }) => section.extensions);
  for (const { uri, id } of sections.flatMap(({ extensions }) => extensions)) {
    if (ids.has(uri) || (uri === MID && !named)) continue;
    if (offered.every((other) => other.id !== id || other.uri === uri)) ids.set(uri, id);
  }
  return ids;
}

/** `media.consumers` are in the router's numbering; the answer is in the viewer's. */
export function watchAnswer(offer: WatchOffer, media: Media): string {
  return writeAnswer(offer, media.transport, STREAM, (watched, section) => {
    const consumer = media.consumers.find(({ kind }) => kind === watched.kind);
    // The stream has no such track, or none that this viewer can receive.
    return consumer ? sending(watched, consumer, offer.wire) : inactive(section);
  });
}

/** One stream for both tracks, that players put them into one MediaStream. */
const STREAM = 'pharos';

function sending(
  { kind, pairs, extensions }: WatchedSection,
  consumer: ConsumerParameters,
  wire: Wire,
): AnsweredSection {
  const { codecs, headerExtensions = [], encodings = [], rtcp } = consumer.rtpParameters;
  const answered = codecs.flatMap((sent) => {
    const pair = pairs.find(({ carried }) => carried.preferredPayloadType === sent.payloadType);
    if (pair) return formatLines(pair.codec, kind, sent);
    const repaired = pairs.find(({ rtx }) => rtx?.carried.preferredPayloadType === sent.payloadType);
    return repaired?.rtx ? rtxLines(repaired.rtx.codec, repaired.codec) : [];
  });
  const carried = extensions.filter(
    ({ uri, id }) =>
      wire.extensionIds[uri] === id && headerExtensions.some((extension) => extension.uri === uri),
  );
  const cname = rtcp?.cname !== undefined && CNAME.test(rtcp.cname) ? rtcp.cname : STREAM;
  return {
    payloadTypes: answered.map(({ payloadType }) => payloadType),
    direction: 'sendonly',
    lines: [
      ...extensionLines(carried),
      ...answered.flatMap(({ lines }) => lines),
      `a=msid:${STREAM} ${STREAM}-${kind}`,
      ...encodings.flatMap((encoding) => sourceLines(encoding, cname, kind)),
    ],
  };
}

type FormatLines = { payloadType: number; lines: string[] };
type SentCodec = ConsumerParameters['rtpParameters']['codecs'][number];

function formatLines(codec: OfferedCodec, kind: MediaKind, sent: SentCodec): FormatLines {
  const { payloadType } = codec;
  return {
    payloadType,
    lines: codecLines({
      payloadType,
      encoding: encodingOf(codec, kind),
      feedback: sent.rtcpFeedback ?? [],
      parameters: isG711(codec)
        ? new Map()
        : kind === 'audio'
          ? opusParameters(sent)
          : videoParameters(codec, sent),
    }),
  };
}

function rtxLines(rtx: OfferedCodec, media: OfferedCodec): FormatLines {
  const { payloadType } = rtx;
  return {
    payloadType,
    lines: codecLines({
      payloadType,
      encoding: encodingOf(rtx, 'video'),
      feedback: [],
      parameters: new Map([['apt', media.payloadType]]),
    }),
  };
}

/** What is sent is what the publisher sends. */
function opusParameters(sent: SentCodec): Map<string, number> {
  const { stereo, 'sprop-stereo': sends } = sent.parameters ?? {};
  const isStereo = [stereo, sends].some((value) => value === 1 || value === '1');
  return new Map([
    ['minptime', 10],
    ['useinbandfec', 1],
    ...(isStereo
      ? ([
          ['stereo', 1],
          ['sprop-stereo', 1],
        ] as const)
      : []),
  ]);
}

/** H.264 is named as the viewer named it, be it that the stream keeps to a subset of that profile. */
function videoParameters(codec: OfferedCodec, sent: SentCodec): Map<string, string> {
  if (codec.name.toLowerCase() !== 'h264') return new Map();
  const sets = sent.parameters?.['sprop-parameter-sets'];
  const known = typeof sets === 'string' && /^[A-Za-z0-9+/=,]{1,512}$/.test(sets);
  return new Map([
    ...formatOf(codec.parameters),
    ...(known ? ([['sprop-parameter-sets', sets]] as const) : []),
  ]);
}

/** RFC 5576, and for RTX the FID group of RFC 4588, section 8. */
function sourceLines(
  { ssrc, rtx }: NonNullable<ConsumerParameters['rtpParameters']['encodings']>[number],
  cname: string,
  kind: MediaKind,
): string[] {
  if (ssrc === undefined) return [];
  const each = (source: number) => [
    `a=ssrc:${source} cname:${cname}`,
    `a=ssrc:${source} msid:${STREAM} ${STREAM}-${kind}`,
  ];
  return rtx ? [`a=ssrc-group:FID ${ssrc} ${rtx.ssrc}`, ...each(ssrc), ...each(rtx.ssrc)] : each(ssrc);
}
