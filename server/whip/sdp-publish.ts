/** WHIP (RFC 9725): the offer of one who publishes, and its answer. */
import { isAv1 } from '../../workers/media/codecs.ts';
import type { MediaKind, RtpCapabilities, RtpParameters, TransportParameters } from '../protocol/messages.ts';
import { formatOf, normalized, profileOf } from './h264-profile.ts';
import { type AnsweredSection, codecLines, encodingOf, extensionLines, writeAnswer } from './sdp-answer.ts';
import {
  type Extension,
  hasSimulcast,
  isDependencyDescriptor,
  isG711,
  isH264,
  mismatch,
  type Negotiated,
  negotiated,
  oneEstimator,
  type RouterCodec,
  reasons,
  routerRtxOf,
  rtxOf,
  sameCodec,
  sharedExtensions,
  sharedFeedback,
} from './sdp-negotiation.ts';
import { bad, type OfferedCodec, readOffer, type Section } from './sdp-offer.ts';
import { offersSeveral, readEncodings } from './simulcast.ts';

type Parameters = Record<string, string | number>;

/** How an m-line is published. */
type PublishedSection = {
  kind: MediaKind;
  rtpParameters: RtpParameters;
  codec: OfferedCodec;
  rtx: OfferedCodec | undefined;
  extensions: readonly Extension[];
  rids: readonly string[];
};

export type PublishOffer = Negotiated<PublishedSection> & {
  /** What will be produced: at most one of each kind. */
  tracks: { kind: MediaKind; rtpParameters: RtpParameters }[];
  /** Why m-lines are not carried, in sentences for people. */
  refused: string[];
};

/**
 * @throws PharosError `bad_request` for what cannot be understood, `unsupported_codec` if nothing of it
 * can be carried.
 */
export function readPublishOffer(sdp: string, router: RtpCapabilities): PublishOffer {
  const offer = negotiated(readOffer(sdp), ['sendonly', 'sendrecv'], (section, kind) =>
    publishedSection(section, kind, router),
  );
  const tracks = offer.lines.flatMap((line) =>
    'taken' in line ? { kind: line.taken.kind, rtpParameters: line.taken.rtpParameters } : [],
  );
  const ssrcs = tracks.flatMap(({ rtpParameters: { encodings = [] } }) =>
    encodings.flatMap(({ ssrc, rtx }) => [ssrc ?? [], rtx?.ssrc ?? []].flat()),
  );
  const twice = ssrcs.find((ssrc, index) => ssrcs.indexOf(ssrc) !== index);
  if (twice !== undefined) bad(`two streams of the offer have the same SSRC, ${twice}`);
  return {
    ...offer,
    tracks,
    refused: reasons(offer.lines),
  };
}

function publishedSection(
  section: Section,
  kind: MediaKind,
  router: RtpCapabilities,
): PublishedSection | string {
  const choices = section.codecs.flatMap((codec) => {
    const carried = router.codecs.find((each) => carries(each, kind, codec));
    return carried ? { codec, carried } : [];
  });
  // The client's first that carries all of it; but G.711 is for those who have nothing else.
  const wanted = choices.filter(({ codec }) => !isG711(codec));
  const several = offersSeveral(section);
  const choice = wanted.find(({ carried }) => !several || hasSimulcast(carried)) ?? wanted[0] ?? choices[0];
  if (!choice) return mismatch(section, kind, router, 'in the encoder');
  const { codec, carried } = choice;
  const extensions = sharedExtensions(section, router, 'receive').filter(
    (extension) => isAv1(carried) || !isDependencyDescriptor(extension),
  );
  const sent = readEncodings(section, codec.payloadType, extensions, hasSimulcast(carried));
  if (typeof sent === 'string') return sent;
  const rtx = sent.rtx && routerRtxOf(router, carried) ? rtxOf(section, codec) : undefined;
  const { mimeType, clockRate, channels } = carried;
  const rtpParameters: RtpParameters = {
    mid: section.mid,
    codecs: [
      {
        mimeType,
        payloadType: codec.payloadType,
        clockRate,
        ...(channels && { channels }),
        parameters: producedParameters(codec, carried),
        rtcpFeedback: oneEstimator(sharedFeedback(codec, carried), extensions),
      },
      ...(rtx ? [rtxParameters(rtx, codec)] : []),
    ],
    headerExtensions: extensions.map(({ uri, id }) => ({ uri, id })),
    encodings: rtx ? sent.encodings : sent.encodings.map(({ rtx: _, ...encoding }) => encoding),
    rtcp: {
      ...(sent.cname !== undefined && { cname: sent.cname }),
      reducedSize: section.reducedSize,
      mux: true,
    },
  };
  return { kind, rtpParameters, codec, rtx, extensions, rids: sent.rids };
}

/** H.264 in packetization mode 0 is a subset of mode 1, which routers carry. */
function carries(carried: RouterCodec, kind: MediaKind, codec: OfferedCodec): boolean {
  if (!sameCodec(codec, kind, carried)) return false;
  if (!isH264(carried)) return true;
  const profile = profileOf(codec.parameters.get('profile-level-id'));
  return (
    profile !== undefined &&
    profile === profileOf(String(carried.parameters?.['profile-level-id'])) &&
    ['0', '1', undefined].includes(codec.parameters.get('packetization-mode'))
  );
}

function rtxParameters(rtx: OfferedCodec, { payloadType }: OfferedCodec): RtpParameters['codecs'][number] {
  return {
    mimeType: 'video/rtx',
    payloadType: rtx.payloadType,
    clockRate: rtx.clockRate,
    parameters: { apt: payloadType },
    rtcpFeedback: [],
  };
}

/** What mediasoup is told, and by it those who consume: what will be sent. */
function producedParameters(codec: OfferedCodec, carried: RouterCodec): Parameters {
  if (isG711(codec)) return {};
  if (carried.kind === 'audio') {
    // What the publisher will send, said as a receiver is told of it too (RFC 7587, section 6.1).
    return { ...opusParameters(codec), ...(isStereo(codec) && { 'sprop-stereo': 1 }) };
  }
  if (!isH264(carried)) return {};
  const offered = codec.parameters.get('profile-level-id');
  const profile = profileOf(offered);
  const sets = codec.parameters.get('sprop-parameter-sets');
  return {
    ...(profile && { 'profile-level-id': normalized(profile, offered) }),
    'packetization-mode': 1,
    'level-asymmetry-allowed': 1,
    ...(sets && /^[A-Za-z0-9+/=,]{1,512}$/.test(sets) && { 'sprop-parameter-sets': sets }),
  };
}

function opusParameters(codec: OfferedCodec): Parameters {
  return {
    minptime: 10,
    useinbandfec: 1,
    ...(isStereo(codec) && { stereo: 1 }),
    ...(codec.parameters.get('usedtx') === '1' && { usedtx: 1 }),
  };
}

const isStereo = ({ parameters }: OfferedCodec) =>
  parameters.get('stereo') === '1' || parameters.get('sprop-stereo') === '1';

export type PublishAnswerOptions = {
  /** Bits per second: what the encoder may send at most of a picture in so many sizes. */
  maxVideoBitrate?: (sizes: number) => number;
};

/** Payload types and ids of header extensions are the offer's (RFC 3264, section 6.1; RFC 8285, section 6). */
export function publishAnswer(
  offer: PublishOffer,
  transport: TransportParameters,
  { maxVideoBitrate }: PublishAnswerOptions = {},
): string {
  return writeAnswer(offer, transport, '*', (section): AnsweredSection => {
    const { kind, codec, rtx, extensions, rids, rtpParameters } = section;
    const [media] = rtpParameters.codecs;
    return {
      payloadTypes: rtx ? [codec.payloadType, rtx.payloadType] : [codec.payloadType],
      direction: 'recvonly',
      bandwidth: kind === 'video' ? maxVideoBitrate?.(rtpParameters.encodings?.length ?? 1) : undefined,
      lines: [
        ...extensionLines(extensions),
        ...codecLines({
          payloadType: codec.payloadType,
          encoding: encodingOf(codec, kind),
          feedback: media?.rtcpFeedback ?? [],
          parameters: answeredParameters(codec, kind),
        }),
        ...(rtx
          ? codecLines({
              payloadType: rtx.payloadType,
              encoding: encodingOf(rtx, kind),
              feedback: [],
              parameters: new Map([['apt', codec.payloadType]]),
            })
          : []),
        ...rids.map((rid) => `a=rid:${rid} recv`),
        ...(rids.length > 0 ? [`a=simulcast:recv ${rids.join(';')}`] : []),
      ],
    };
  });
}

/** What we receive. */
function answeredParameters(codec: OfferedCodec, kind: MediaKind): ReadonlyMap<string, string | number> {
  if (isG711(codec)) return new Map();
  if (kind === 'audio') return new Map(Object.entries(opusParameters(codec)));
  return codec.name.toLowerCase() === 'h264' ? formatOf(codec.parameters) : new Map();
}
