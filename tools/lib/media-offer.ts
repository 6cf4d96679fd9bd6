/** mediasoup's parameters of a transport and its consumers as the SDP offer (RFC 8866, RFC 9429) that libdatachannel takes. */
import type {
  ConsumerParameters,
  DtlsParameters,
  TransportParameters,
} from '../../server/protocol/messages.ts';

type Codec = ConsumerParameters['rtpParameters']['codecs'][number];
type Candidate = TransportParameters['iceCandidates'][number];

/** RFC 8843: all of it on one transport. */
export function offerOf(transport: TransportParameters, consumers: readonly ConsumerParameters[]): string {
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=group:BUNDLE ${consumers.map(midOf).join(' ')}`,
    ...consumers.flatMap((consumer) => section(transport, consumer)),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

export const midOf = ({ kind, rtpParameters }: ConsumerParameters): string => rtpParameters.mid ?? kind;

/** What the other end shall be told of our certificate, out of our own description. */
export function fingerprintOf(sdp: string): DtlsParameters['fingerprints'][number] {
  const value = /^a=fingerprint:sha-256 (\S+)/im.exec(sdp)?.[1];
  if (value === undefined) throw new Error('libdatachannel gave no fingerprint');
  return { algorithm: 'sha-256', value };
}

function section(transport: TransportParameters, consumer: ConsumerParameters): string[] {
  const { iceParameters, iceCandidates, dtlsParameters } = transport;
  const { codecs, encodings = [], rtcp } = consumer.rtpParameters;
  return [
    `m=${consumer.kind} 9 UDP/TLS/RTP/SAVPF ${codecs.map(({ payloadType }) => payloadType).join(' ')}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${midOf(consumer)}`,
    'a=sendonly',
    'a=rtcp-mux',
    `a=ice-ufrag:${iceParameters.usernameFragment}`,
    `a=ice-pwd:${iceParameters.password}`,
    ...dtlsParameters.fingerprints.map(({ algorithm, value }) => `a=fingerprint:${algorithm} ${value}`),
    'a=setup:actpass',
    ...codecs.flatMap(codecLines),
    ...encodings.map(({ ssrc }) => `a=ssrc:${ssrc} cname:${rtcp?.cname ?? 'pharos'}`),
    ...iceCandidates.map(candidateLine),
    'a=end-of-candidates',
  ];
}

function codecLines({
  payloadType,
  mimeType,
  clockRate,
  channels,
  parameters,
  rtcpFeedback,
}: Codec): string[] {
  const name = mimeType.slice(mimeType.indexOf('/') + 1);
  const format = Object.entries(parameters ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    `a=rtpmap:${payloadType} ${name}/${clockRate}${channels && channels > 1 ? `/${channels}` : ''}`,
    ...(format.length > 0 ? [`a=fmtp:${payloadType} ${format.join(';')}`] : []),
    ...(rtcpFeedback ?? []).map(({ type, parameter }) =>
      `a=rtcp-fb:${payloadType} ${type} ${parameter ?? ''}`.trim(),
    ),
  ];
}

/** RFC 8839, section 5.1; RFC 6544, section 4.5. */
function candidateLine({ foundation, protocol, priority, address, port, type, tcpType }: Candidate): string {
  const tcp = tcpType ? ` tcptype ${tcpType}` : '';
  return `a=candidate:${foundation} 1 ${protocol} ${priority} ${address} ${port} typ ${type}${tcp}`;
}
