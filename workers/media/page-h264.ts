/**
 * H.264 for our pages. Browsers decode each profile that we carry, but Chromium
 * does not say so where it has no hardware decoder. So a page is told of
 * constrained baseline alone, and gets main and high by that one's numbers.
 */
import type { types } from 'mediasoup';
import type { RtpCapabilities } from '../../server/protocol/messages.ts';
import { canRewrite, EXTENSION_ID, PAYLOAD_TYPE, type Wire } from './wire.ts';

/** The router's capabilities without the H.264 that pages need not know of. */
export function pageCapabilities<T extends Capabilities>(router: T): T {
  const [, ...others] = router.codecs.filter(isH264).map(({ preferredPayloadType }) => preferredPayloadType);
  return {
    ...router,
    codecs: router.codecs.filter(
      ({ preferredPayloadType, parameters }) =>
        !others.includes(preferredPayloadType) && !others.includes(Number(parameters?.apt ?? -1)),
    ),
  };
}

/** What a page can be given of these producers, and by which numbers. */
export function pageReceiver(
  router: types.Router,
  producers: readonly types.Producer[],
  viewer: RtpCapabilities,
): { rtpCapabilities: RtpCapabilities; wire?: Wire } {
  const needed = producers.some(
    ({ id, rtpParameters: { codecs } }) =>
      codecs.some(isH264) && !router.canConsume({ producerId: id, rtpCapabilities: viewer }),
  );
  const codecs = { codecs: router.rtpCapabilities.codecs ?? [] };
  const wire = needed && canRewrite() ? baselineWire(codecs, viewer) : undefined;
  return wire ? { rtpCapabilities: withAllH264(codecs, viewer, wire), wire } : { rtpCapabilities: viewer };
}

type Capabilities = { codecs: readonly types.RtpCodecCapability[] };
type Numbers = { media: number; rtx: number | undefined };

/** By which numbers a browser gets any H.264 as constrained baseline; undefined if it takes none. */
function baselineWire(router: Capabilities, viewer: RtpCapabilities): Wire | undefined {
  const base = viewer.codecs.find(
    (codec) => isH264(codec) && router.codecs.some((each) => same(codec, each)),
  );
  if (!base) return undefined;
  const to = numbersOf(viewer.codecs, base.preferredPayloadType);
  const payloadTypes: Record<number, number> = {};
  for (const codec of router.codecs.filter(isH264)) {
    const from = numbersOf(router.codecs, codec.preferredPayloadType);
    payloadTypes[from.media] = to.media;
    if (from.rtx !== undefined && to.rtx !== undefined) payloadTypes[from.rtx] = to.rtx;
  }
  const extensionIds = Object.fromEntries(
    viewer.headerExtensions.map(({ uri, preferredId }) => [uri, preferredId]),
  );
  return { payloadTypes, extensionIds };
}

/** What the viewer takes, and beside its one H.264 all that the router carries. */
function withAllH264(router: Capabilities, viewer: RtpCapabilities, wire: Wire): RtpCapabilities {
  const added = router.codecs.flatMap((codec) => {
    const number = wire.payloadTypes[codec.preferredPayloadType ?? -1];
    const like = viewer.codecs.find(({ preferredPayloadType }) => preferredPayloadType === number);
    if (!like || same(like, codec)) return [];
    const { preferredPayloadType = 0, parameters } = codec;
    return [
      { ...like, preferredPayloadType, parameters: parameters as RtpCapabilities['codecs'][0]['parameters'] },
    ];
  });
  return { ...viewer, codecs: [...viewer.codecs, ...added] };
}

/** A consumer's parameters as such a viewer is to see them. */
export function asSeen(parameters: types.RtpParameters, wire: Wire): types.RtpParameters {
  return {
    ...parameters,
    codecs: parameters.codecs.map(
      ({ parameters: { [PAYLOAD_TYPE]: number, apt, ...rest } = {}, ...codec }) => ({
        ...codec,
        payloadType: typeof number === 'number' ? number : codec.payloadType,
        parameters: {
          ...rest,
          ...(rest['profile-level-id'] !== undefined && { 'profile-level-id': BASELINE }),
          ...(typeof apt === 'number' && { apt: wire.payloadTypes[apt] ?? apt }),
        },
      }),
    ),
    headerExtensions: parameters.headerExtensions?.map((extension) => {
      const { [EXTENSION_ID]: _, ...rest } = extension.parameters ?? {};
      return { ...extension, parameters: rest };
    }),
  };
}

const BASELINE = '42e01f';

function isH264({ mimeType }: { mimeType: string }): boolean {
  return mimeType.toLowerCase() === 'video/h264';
}

function same(a: { preferredPayloadType?: number }, b: { preferredPayloadType?: number }): boolean {
  return a.preferredPayloadType === b.preferredPayloadType;
}

function numbersOf(codecs: readonly types.RtpCodecCapability[], media = 0): Numbers {
  const rtx = codecs.find(({ parameters }) => parameters?.apt === media);
  return { media, rtx: rtx?.preferredPayloadType };
}
