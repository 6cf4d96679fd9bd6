import { PharosError } from '../base/errors.ts';
import type { Joins } from '../metrics/joins.ts';
import type { RtpCapabilities } from '../protocol/messages.ts';
import type { Held } from '../streams/context.ts';
import type { Publisher } from '../streams/publisher.ts';
import type { Registry } from '../streams/registry.ts';
import { restartFragment } from './sdp-fragment.ts';
import { type PublishOffer, publishAnswer, readPublishOffer } from './sdp-publish.ts';
import type { Exchange } from './sessions.ts';

type Options = {
  registry: Registry;
  joins: Joins;
  rtpCapabilities: RtpCapabilities;
  streamId: string;
  offer: string;
  /** By what this client publishes. */
  by: Held;
  /** In bits per second: what the encoder may send at most of a picture in so many sizes. */
  maxVideoBitrate: (sizes: number) => number;
  onEnd: () => void;
};

const JOIN = { kind: 'publish', protocol: 'whip' } as const;

/** A WHIP client's POST: its offer becomes a Publisher, live when this resolves. */
export async function startPublishing(options: Options): Promise<Exchange> {
  const { registry, joins, rtpCapabilities, streamId, by, maxVideoBitrate, onEnd } = options;
  const askedAt = performance.now();
  const offer = readPublishOffer(options.offer, rtpCapabilities);
  const publisher = await registry.publish({
    id: streamId,
    tracks: offer.tracks.map(({ kind }) => kind),
    ...by,
    consent: false,
  });
  publisher.once('ended', onEnd);
  publisher.once('connected', () => joins.connected(JOIN, performance.now() - askedAt));
  await produceAll(publisher, offer);
  joins.accepted(JOIN);
  if (offer.refused.length > 0) publisher.note({ code: 'not_carried', message: offer.refused.join('; ') });
  return {
    answer: publishAnswer(offer, publisher.transportParameters, { maxVideoBitrate }),
    ice: offer.ice,
    restartIce: async () => restartFragment(offer, await publisher.restartIce()),
    stop: () => publisher.close('stopped'),
  };
}

async function produceAll(publisher: Publisher, offer: PublishOffer): Promise<void> {
  try {
    await publisher.connect(offer.dtls);
    for (const { kind, rtpParameters } of offer.tracks) await publisher.produce(kind, rtpParameters);
    if (publisher.closed) throw new PharosError('media_failed', 'the session ended while it was set up');
  } catch (error) {
    publisher.close('media_lost');
    throw error;
  }
}
