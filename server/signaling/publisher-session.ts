import type { Config } from '../../config/schema.ts';
import { PharosError } from '../base/errors.ts';
import type { Joins } from '../metrics/joins.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { AnswerOf, Event, RequestOf } from '../protocol/messages.ts';
import type { Publisher } from '../streams/publisher.ts';
import type { Registry } from '../streams/registry.ts';
import type { Session } from './socket.ts';

type Options = {
  registry: Registry;
  joins: Joins;
  media: Config['media'];
  publicUrl: string | undefined;
  /** By what this client publishes (server/auth/requester.ts). */
  grant: string;
  send: (event: Event) => void;
};

const JOIN = { kind: 'publish', protocol: 'websocket' } as const;

/** A client's part as a publisher: requests go to its Publisher, events come back. */
export async function startPublishing(
  request: RequestOf<'publish'>,
  { registry, joins, media, publicUrl, grant, send }: Options,
): Promise<{ session: Session; answer: AnswerOf<'publish'> }> {
  const askedAt = performance.now();
  const publisher = await registry.publish({ tracks: request.tracks, id: request.stream, grant });
  joins.accepted(JOIN);
  publisher.on('connected', () => joins.connected(JOIN, performance.now() - askedAt));
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
    kind: 'publish',
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
    firstFrame() {
      throw new PharosError(
        'wrong_order',
        'a publisher has no first frame; watch on a connection of its own',
      );
    },
    stop: () => end('stopped'),
    disconnected: () => end('publisher_left'),
  };
}
