import type { types as client } from 'mediasoup-client';
import type { RtpCapabilities, RtpParameters, TransportParameters } from '../../server/protocol/messages.ts';

/**
 * Between mediasoup-client's types and the protocol's. The protocol refuses
 * fields it does not know, and a join has a byte budget, so each way names
 * exactly what is carried.
 */

type CodecParameters = Record<string, string | number | boolean>;

export function wireCapabilities(capabilities: client.RtpCapabilities): RtpCapabilities {
  return {
    codecs: (capabilities.codecs ?? []).map((codec) => ({
      kind: codec.kind,
      mimeType: codec.mimeType,
      preferredPayloadType: codec.preferredPayloadType,
      clockRate: codec.clockRate,
      channels: codec.channels,
      parameters: plain(codec.parameters),
      rtcpFeedback: wireFeedback(codec.rtcpFeedback),
    })),
    headerExtensions: (capabilities.headerExtensions ?? []).map(({ kind, uri, preferredId }) => ({
      kind,
      uri,
      preferredId,
    })),
  };
}

export function offersUdp({ iceCandidates }: TransportParameters, policy?: RTCIceTransportPolicy): boolean {
  return policy !== 'relay' && iceCandidates.some(({ protocol }) => protocol === 'udp');
}

export function wireRtpParameters(parameters: client.RtpParameters): RtpParameters {
  return {
    mid: parameters.mid,
    msid: parameters.msid,
    codecs: parameters.codecs.map((codec) => ({
      mimeType: codec.mimeType,
      payloadType: codec.payloadType,
      clockRate: codec.clockRate,
      channels: codec.channels,
      parameters: plain(codec.parameters),
      rtcpFeedback: wireFeedback(codec.rtcpFeedback),
    })),
    headerExtensions: parameters.headerExtensions?.map(({ uri, id }) => ({ uri, id })),
    encodings: parameters.encodings?.map(({ ssrc, rid, rtx, dtx, scalabilityMode, maxBitrate }) => ({
      ssrc,
      rid,
      rtx: rtx && { ssrc: rtx.ssrc },
      dtx,
      scalabilityMode,
      maxBitrate,
    })),
    rtcp: parameters.rtcp && { cname: parameters.rtcp.cname, reducedSize: parameters.rtcp.reducedSize },
  };
}

export function localTransport(transport: TransportParameters): client.TransportOptions {
  return {
    ...transport,
    // mediasoup-client still wants `ip`, long replaced by `address`.
    iceCandidates: transport.iceCandidates.map((candidate) => ({ ...candidate, ip: candidate.address })),
  };
}

function wireFeedback(feedback: client.RtcpFeedback[] = []): { type: string; parameter?: string }[] {
  return feedback.map(({ type, parameter }) => (parameter ? { type, parameter } : { type }));
}

function plain(parameters: client.RtpCodecParameters['parameters'] = {}): CodecParameters {
  const result: CodecParameters = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      result[name] = value;
    }
  }
  return result;
}
