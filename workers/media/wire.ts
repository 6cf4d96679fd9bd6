/**
 * The numbers of payload types and header extensions, as a WHEP viewer wants
 * them. mediasoup's routers number them their own way, alike for all consumers;
 * our build of the worker rewrites packets for transports whose consumers ask
 * for it in their RTP parameters (`workers/native/wire/wire.hpp`).
 */
import { readFileSync } from 'node:fs';
import type { types } from 'mediasoup';
import { workerBin } from 'mediasoup';

export type Wire = {
  /** The router's payload types to the viewer's, media and RTX. */
  payloadTypes: Record<number, number>;
  /** The viewer's ids, 1 to 14, by URI; extensions not named are not sent. */
  extensionIds: Record<string, number>;
};

/** Stands in binaries that can do it. */
const MARK = 'pharos-wire-1';
export const PAYLOAD_TYPE = 'pharos-payload-type';
export const EXTENSION_ID = 'pharos-id';

/** The answer for the binary that the pool starts. */
let rewrites: boolean | undefined;

/** Whether the worker binary is our build, which can rewrite; mediasoup's official one cannot. */
export function canRewrite(): boolean {
  rewrites ??= readFileSync(workerBin).includes(MARK);
  return rewrites;
}

const wired = new WeakSet<types.WebRtcTransport>();

/** From here on all that is consumed on this transport is sent by the viewer's numbers: those given first. */
export function useWire(transport: types.WebRtcTransport, wire: Wire): void {
  if (wired.has(transport)) return;
  wired.add(transport);
  // Which parameters a consumer gets is decided by what its transport finds when it looks up the
  // producer. mediasoup has no public way to add to them.
  const internals = transport as unknown as { getProducerById: Lookup };
  const lookUp = internals.getProducerById;
  if (typeof lookUp !== 'function') throw new Error('this version of mediasoup has no getProducerById');
  internals.getProducerById = (id) => {
    const producer = lookUp(id);
    return producer && withWire(producer, wire);
  };
}

type Lookup = (id: string) => types.Producer | undefined;

/** The same producer, but for what consumers are told to send. */
function withWire(producer: types.Producer, wire: Wire): types.Producer {
  return new Proxy(producer, {
    get: (target, name) =>
      name === 'consumableRtpParameters'
        ? numbered(target.consumableRtpParameters, wire)
        : Reflect.get(target, name, target),
  });
}

function numbered(parameters: types.RtpParameters, wire: Wire): types.RtpParameters {
  const extended = (parameters: Record<string, unknown> | undefined, name: string, value?: number) =>
    value === undefined ? parameters : { ...parameters, [name]: value };
  return {
    ...parameters,
    codecs: parameters.codecs.map((codec) => ({
      ...codec,
      parameters: extended(codec.parameters, PAYLOAD_TYPE, wire.payloadTypes[codec.payloadType]),
    })),
    headerExtensions: parameters.headerExtensions?.map((extension) => ({
      ...extension,
      parameters: extended(extension.parameters, EXTENSION_ID, wire.extensionIds[extension.uri]),
    })),
  };
}
