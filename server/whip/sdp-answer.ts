/** Writes answers. Whatever comes from the offer was checked when it was read (`sdp-offer.ts`). */
import type { MediaKind, TransportParameters } from '../protocol/messages.ts';
import { type Extension, firstFormat, type Negotiated } from './sdp-negotiation.ts';
import type { Direction, Feedback, OfferedCodec, Section } from './sdp-offer.ts';

/** An answered m-line, besides what all have. */
export type AnsweredSection = {
  payloadTypes: readonly number[];
  direction: Direction;
  /** In bits per second: what we receive at most. */
  bandwidth?: number | undefined;
  lines: readonly string[];
};

/** As RFC 9429 (JSEP) wants answers: the offer's m-lines in their order, those not taken with port 0. */
export function writeAnswer<T>(
  offer: Negotiated<T>,
  transport: TransportParameters,
  streams: string,
  describe: (taken: T, section: Section) => AnsweredSection,
): string {
  const { lines, bundle, tagged } = offer;
  const mixed = lines.some((line) => 'taken' in line && line.section.mixedExtensions);
  return text([
    'v=0',
    `o=- ${sessionId(transport.id)} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    'a=ice-lite',
    ...(bundle ? [`a=group:BUNDLE ${bundle.join(' ')}`] : []),
    ...(mixed ? ['a=extmap-allow-mixed'] : []),
    `a=msid-semantic: WMS ${streams}`,
    ...lines.flatMap((line) => {
      const { section } = line;
      if ('refusal' in line && !line.held) return rejected(section);
      const described = 'taken' in line ? describe(line.taken, section) : inactive(section);
      return accepted(section, offer.setup, transport, described, section === tagged);
    }),
  ]);
}

function accepted(
  section: Section,
  setup: string,
  transport: TransportParameters,
  { payloadTypes, direction, bandwidth, lines }: AnsweredSection,
  tagged: boolean,
): string[] {
  const { mid, protocol, reducedSize, type } = section;
  return [
    `m=${type} 9 ${protocol} ${payloadTypes.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    ...(bandwidth ? [`b=AS:${Math.ceil(bandwidth / 1000)}`, `b=TIAS:${Math.ceil(bandwidth)}`] : []),
    ...(mid === undefined ? [] : [`a=mid:${mid}`]),
    `a=${direction}`,
    ...credentialLines(transport),
    ...transport.dtlsParameters.fingerprints
      .filter(({ algorithm }) => algorithm === 'sha-256')
      .map(({ algorithm, value }) => `a=fingerprint:${algorithm} ${value}`),
    `a=setup:${setup}`,
    ...(tagged ? candidateLines(transport) : []),
    'a=rtcp-mux',
    ...(reducedSize ? ['a=rtcp-rsize'] : []),
    ...lines,
  ];
}

/** An m-line on which nothing is sent for now, by the first of its formats. */
export function inactive(section: Section): AnsweredSection {
  const codec = firstFormat(section);
  if (!codec) throw new Error(`${section.name} has no format to be answered with`);
  const { payloadType, parameters } = codec;
  const plain = [...parameters].every(
    ([name, value]) => name !== 'apt' && /^[\x20-\x7e]+$/.test(name + value),
  );
  return {
    payloadTypes: [payloadType],
    direction: 'inactive',
    lines: codecLines({
      payloadType,
      encoding: encodingOf(codec, section.kind),
      feedback: [],
      parameters: plain ? parameters : new Map(),
    }),
  };
}

/** RFC 9429, section 5.3.1: port 0, one format of the offer, not in the BUNDLE group. */
function rejected({ type, protocol, formats, mid }: Section): string[] {
  return [
    `m=${type} 0 ${protocol} ${formats[0]}`,
    'c=IN IP4 0.0.0.0',
    ...(mid === undefined ? [] : [`a=mid:${mid}`]),
    'a=inactive',
  ];
}

export function credentialLines({ iceParameters }: TransportParameters): string[] {
  return [`a=ice-ufrag:${iceParameters.usernameFragment}`, `a=ice-pwd:${iceParameters.password}`];
}

/** RFC 8839, section 5.1, and RFC 6544, section 4.5 for TCP. All there will be. */
export function candidateLines({ iceCandidates }: TransportParameters): string[] {
  return [
    ...iceCandidates.map(({ foundation, protocol, priority, address, port, type, tcpType }) => {
      const line = `a=candidate:${foundation} 1 ${protocol} ${priority} ${address} ${port} typ ${type}`;
      return protocol === 'tcp' ? `${line} tcptype ${tcpType ?? 'passive'}` : line;
    }),
    'a=end-of-candidates',
  ];
}

export function extensionLines(extensions: readonly Extension[]): string[] {
  // RFC 8285, section 6: a one-way extension is answered with the other way.
  const suffix = { sendrecv: '', sendonly: '/recvonly', recvonly: '/sendonly', inactive: '/inactive' };
  return extensions.map(({ uri, id, direction }) => `a=extmap:${id}${suffix[direction]} ${uri}`);
}

/** `VP8/90000`, `opus/48000/2` */
export function encodingOf({ name, clockRate, channels }: OfferedCodec, kind: MediaKind | undefined): string {
  return `${name}/${clockRate}${kind === 'audio' && channels > 1 ? `/${channels}` : ''}`;
}

type AnsweredCodec = {
  payloadType: number;
  encoding: string;
  feedback: readonly Feedback[];
  parameters: ReadonlyMap<string, string | number>;
};

export function codecLines({ payloadType, encoding, feedback, parameters }: AnsweredCodec): string[] {
  const config = [...parameters].map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join(';');
  return [
    `a=rtpmap:${payloadType} ${encoding}`,
    ...feedback.map(
      ({ type, parameter }) => `a=rtcp-fb:${payloadType} ${type}${parameter ? ` ${parameter}` : ''}`,
    ),
    ...(config ? [`a=fmtp:${payloadType} ${config}`] : []),
  ];
}

/** RFC 8866, section 5.2: digits, and unique; a part of the transport's id, which is a UUID, made a number. */
function sessionId(id: string): string {
  const digits = id.replace(/[^0-9a-f]/gi, '').slice(0, 15);
  return digits ? BigInt(`0x${digits}`).toString() : '0';
}

export function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\r\n`).join('');
}
