import type { Config } from '../../config/schema.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { AnswerOf, Event, RequestOf } from '../protocol/messages.ts';
import type { Publisher } from '../streams/publisher.ts';
import type { Registry } from '../streams/registry.ts';
import type { Session } from './socket.ts';

type Options = {
  registry: Registry;
  media: Config['media'];
  publicUrl: string | undefined;
  /** By what this client publishes (server/auth/requester.ts). */
  grant: string;
  send: (event: Event) => void;
};

/** A client's part as a publisher: requests go to its Publisher, events come back. */
export async function startPublishing(
  request: RequestOf<'publish'>,
  { registry, media, publicUrl, grant, send }: Options,
): Promise<{ session: Session; answer: AnswerOf<'publish'> }> {
  const publisher = await registry.publish({ tracks: request.tracks, id: request.stream, grant });
  publisher.on('live', () => send({ type: 'live', viewers: registry.viewerCount(publisher.streamId) }));
  publisher.on('viewers', send);
  publisher.on('notice', (notice) => send({ type: 'notice', notice }));
  publisher.on('ended', (reason) => send({ type: 'ended', reason, waiting: false }));
  return {
    session: publisherSession(publisher),
    answer: {
      stream: publisher.streamId,
      ...(publicUrl && { watchUrl: `${publicUrl}/watch/${publisher.streamId}` }),
      transport: publisher.transportParameters,
      videoBitrate: { start: media.videoStartBitrate, max: media.videoMaxBitrate },
      audioBitrate: media.audioBitrate,
    },
  };
}

function publisherSession(publisher: Publisher): Session {
  const end = (reason: EndReason) => {
    publisher.removeAllListeners();
    publisher.close(reason);
  };
  return {
    get ended() {
      return publisher.closed;
    },
    async connect({ dtlsParameters }) {
      await publisher.connect(dtlsParameters);
      return {};
    },
    async produce({ kind, rtpParameters }) {
      return { producerId: await publisher.produce(kind, rtpParameters) };
    },
    stop: () => end('stopped'),
    disconnected: () => end('publisher_left'),
  };
}
