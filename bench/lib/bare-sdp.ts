/** As much of SDP as the bare server needs: one codec a kind, by the offer's payload types, one transport. */
import type { types } from 'mediasoup';
import { type MediaDescription, parse } from 'sdp-transform';

export type Section = {
  kind: types.MediaKind;
  mid: string;
  protocol: string;
  codecs: types.RtpCodecCapability[];
  /** Of those that the router knows. */
  extensions: types.RtpHeaderExtensionParameters[];
  ssrc: number | undefined;
};

export type Offer = { sections: Section[]; dtls: types.DtlsParameters };

/** What of the offer the router carries. */
export function readOffer(sdp: string, router: types.Router): Offer {
  const session = parse(sdp);
  const { hash, type } = session.fingerprint ?? session.media[0]?.fingerprint ?? { hash: '', type: '' };
  return {
    sections: session.media.map((media) => readSection(media, router)),
    dtls: {
      role: 'client',
      fingerprints: [{ algorithm: type as types.FingerprintAlgorithm, value: hash }],
    },
  };
}

function readSection(media: MediaDescription, router: types.Router): Section {
  const { mid, type, protocol, rtp, fmtp, rtcpFb = [], ssrcs = [] } = media;
  const known = router.rtpCapabilities.codecs ?? [];
  const codecs = rtp.flatMap(({ payload, codec, rate, encoding }) => {
    const format = fmtp.find((each) => each.payload === payload)?.config ?? '';
    const carried = known.find(
      ({ mimeType, parameters = {} }) =>
        mimeType.toLowerCase() === `${type}/${codec}`.toLowerCase() &&
        format.includes(String(parameters['profile-level-id'] ?? '')) &&
        format.includes(parameters['packetization-mode'] === 1 ? 'packetization-mode=1' : ''),
    );
    if (!carried || /rtx$/i.test(codec)) return [];
    const rtcpFeedback = (carried.rtcpFeedback ?? []).filter((one) =>
      rtcpFb.some(
        (other) =>
          other.payload === payload && other.type === one.type && (other.subtype ?? '') === one.parameter,
      ),
    );
    const channels = encoding ? { channels: Number(encoding) } : {};
    return [
      {
        ...carried,
        ...channels,
        clockRate: rate ?? carried.clockRate,
        preferredPayloadType: payload,
        rtcpFeedback,
      },
    ];
  });
  return {
    kind: type as types.MediaKind,
    mid: String(mid),
    protocol,
    codecs,
    extensions: (media.ext ?? []).flatMap(({ value, uri }) => {
      const found = router.rtpCapabilities.headerExtensions?.find(
        (each) => each.uri === uri && each.kind === type && each.direction !== 'sendonly',
      );
      return found ? [{ uri: found.uri, id: value }] : [];
    }),
    ssrc: ssrcs[0] && Number(ssrcs[0].id),
  };
}

/** The parameters of what a section's sender will send: its first codec. */
export function sentParameters({ mid, codecs, extensions, ssrc }: Section): types.RtpParameters {
  const [codec] = codecs;
  if (!codec) throw new Error('no codec in common');
  const { mimeType, preferredPayloadType, clockRate, channels, parameters, rtcpFeedback } = codec;
  return {
    mid,
    codecs: [
      {
        mimeType,
        payloadType: preferredPayloadType ?? 0,
        clockRate,
        ...(channels && { channels }),
        parameters,
        rtcpFeedback,
      },
    ],
    headerExtensions: extensions,
    encodings: [ssrc === undefined ? {} : { ssrc }],
    rtcp: { reducedSize: true },
  };
}

type Answered = { direction: 'recvonly' | 'sendonly'; rtpParameters: types.RtpParameters };

export function writeAnswer(
  { sections }: Offer,
  transport: types.WebRtcTransport,
  answered: readonly (Answered | undefined)[],
): string {
  const { usernameFragment, password } = transport.iceParameters;
  const fingerprint = transport.dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === 'sha-256');
  const lines = sections.flatMap(({ kind, mid, protocol }, index) => {
    const { direction = 'inactive', rtpParameters } = answered[index] ?? {};
    const codecs = rtpParameters?.codecs ?? [];
    return [
      `m=${kind} 9 ${protocol} ${codecs.map(({ payloadType }) => payloadType).join(' ')}`,
      'c=IN IP4 0.0.0.0',
      `a=mid:${mid}`,
      `a=${direction}`,
      `a=ice-ufrag:${usernameFragment}`,
      `a=ice-pwd:${password}`,
      `a=fingerprint:sha-256 ${fingerprint?.value}`,
      'a=setup:passive',
      ...transport.iceCandidates.map(
        ({ foundation, protocol, priority, address, port, type, tcpType }) =>
          `a=candidate:${foundation} 1 ${protocol} ${priority} ${address} ${port} typ ${type}${tcpType ? ` tcptype ${tcpType}` : ''}`,
      ),
      'a=rtcp-mux',
      'a=rtcp-rsize',
      ...codecs.flatMap(codecLines),
      // Players get what the router numbers: they are not told of extensions.
      ...(direction === 'recvonly' ? (rtpParameters?.headerExtensions ?? []) : []).map(
        ({ id, uri }) => `a=extmap:${id} ${uri}`,
      ),
      ...(direction === 'sendonly'
        ? [
            `a=msid:bare ${kind}`,
            ...(rtpParameters?.encodings ?? []).map(({ ssrc }) => `a=ssrc:${ssrc} cname:bare`),
          ]
        : []),
    ];
  });
  const bundle = `a=group:BUNDLE ${sections.map(({ mid }) => mid).join(' ')}`;
  const all = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=ice-lite', bundle, ...lines];
  return all.map((line) => `${line}\r\n`).join('');
}

function codecLines(codec: types.RtpCodecParameters): string[] {
  const { payloadType, mimeType, clockRate, channels, parameters = {}, rtcpFeedback = [] } = codec;
  const format = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return [
    `a=rtpmap:${payloadType} ${mimeType.split('/')[1]}/${clockRate}${channels ? `/${channels}` : ''}`,
    ...(format.length > 0 ? [`a=fmtp:${payloadType} ${format.join(';')}`] : []),
    ...rtcpFeedback.map(({ type, parameter }) =>
      `a=rtcp-fb:${payloadType} ${type} ${parameter ?? ''}`.trimEnd(),
    ),
  ];
}
