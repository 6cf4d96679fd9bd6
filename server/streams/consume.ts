import type { types } from 'mediasoup';
import type { Place } from '../../workers/media/fanout.ts';
import { asSeen, pageReceiver } from '../../workers/media/page-h264.ts';
import { useWire, type Wire } from '../../workers/media/wire.ts';
import type { Grant } from '../auth/grant.ts';
import { PharosError } from '../base/errors.ts';
import type { ConsumerParameters, Media, MediaKind, RtpCapabilities } from '../protocol/messages.ts';
import type { Who } from './context.ts';
import { scalesOf, type Wish } from './layers.ts';

/** What a viewer can receive, and how. */
export type Receiver = {
  /** In the router's numbering. */
  rtpCapabilities: RtpCapabilities;
  /** Where the viewer dictates numbers of its own. */
  wire?: Wire;
  /** The media sections' names (RFC 9143) where the viewer chose them. */
  mids?: Partial<Record<MediaKind, string>>;
  /** False for one who would rather be told that the stream is not live. */
  mayWait?: boolean;
  who?: Who | undefined;
  /** Calls when the grant no longer holds: that ends the viewer's part. */
  onGrantEnd?: Grant['onEnd'] | undefined;
};

export type Consumed = {
  consumers: readonly types.Consumer[];
  /** What the viewer is told of them, and of what it cannot play. */
  tracks: Pick<Media, 'consumers' | 'unplayable'>;
};

/**
 * Has every track that the receiver can play sent on that transport.
 * @param wish What of the video is wanted from the first packet on.
 * @throws PharosError `unsupported_codec` if there is none.
 */
export async function consume(
  { worker, producers }: Place,
  transport: types.WebRtcTransport,
  receiver: Receiver,
  wish: Wish,
): Promise<Consumed> {
  const { mids } = receiver;
  const isPage = !receiver.wire;
  const { rtpCapabilities, wire } = isPage
    ? pageReceiver(worker.router, producers, receiver.rtpCapabilities)
    : receiver;
  if (wire) useWire(transport, wire);
  const playable = producers.filter((producer) =>
    worker.router.canConsume({ producerId: producer.id, rtpCapabilities }),
  );
  const unplayable = producers.filter((producer) => !playable.includes(producer)).map(describeTrack);
  if (playable.length === 0) {
    const codecs = unplayable.map(({ mimeType }) => mimeType).join(' and ');
    throw new PharosError('unsupported_codec', `this stream is ${codecs}, which this client cannot play`);
  }
  const consumers = await Promise.all(
    playable.map((producer) =>
      transport.consume({
        producerId: producer.id,
        rtpCapabilities,
        mid: mids?.[producer.kind],
        paused: producer.kind === 'video' && !wish.video,
        preferredLayers: wish.spatialLayer === undefined ? undefined : { spatialLayer: wish.spatialLayer },
      }),
    ),
  );
  const told = consumers.map((consumer) => consumerParameters(consumer, isPage ? wire : undefined));
  return { consumers, tracks: { consumers: told, unplayable } };
}

function describeTrack({ kind, rtpParameters }: types.Producer): Media['unplayable'][number] {
  return { kind, mimeType: rtpParameters.codecs[0]?.mimeType ?? kind };
}

// mediasoup types `uri` wider by one obsolete extension that its routers do not offer.
function consumerParameters(consumer: types.Consumer, wire: Wire | undefined): ConsumerParameters {
  const { id, producerId, kind, rtpParameters } = consumer;
  const seen = wire ? asSeen(rtpParameters, wire) : rtpParameters;
  return { id, producerId, kind, rtpParameters: seen, layers: scalesOf(consumer) } as ConsumerParameters;
}
