import type { Config } from '../../config/schema.ts';
import { PharosError } from '../base/errors.ts';
import type { Joins } from '../metrics/joins.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { AnswerOf, RequestOf } from '../protocol/messages.ts';
import { videoBitrate } from '../streams/bitrates.ts';
import type { Held } from '../streams/context.ts';
import type { Publisher } from '../streams/publisher.ts';
import type { Registry } from '../streams/registry.ts';
import type { Activity, Start } from './session.ts';

type Options = Held & {
  registry: Registry;
  joins: Joins;
  media: Config['media'];
  publicUrl: string | undefined;
};

const JOIN = { kind: 'publish', protocol: 'websocket' } as const;

/** A client's part as a publisher: requests go to its Publisher, events come back. */
export function publishing(
  request: RequestOf<'publish'>,
  { registry, joins, media, publicUrl, ...by }: Options,
): Start<Omit<AnswerOf<'publish'>, 'session' | 'grace'>> {
  return async ({ secret, send }) => {
    const askedAt = performance.now();
    const { tracks, stream: id, resume, title } = request;
    const publisher = await registry.publish({ id, tracks, resume, title, secret, ...by });
    joins.accepted(JOIN);
    publisher.on('connected', () => joins.connected(JOIN, performance.now() - askedAt));
    publisher.on('live', () => send({ type: 'live', viewers: registry.viewerCount(publisher.streamId) }));
    publisher.on('viewers', send);
    publisher.on('audience', send);
    publisher.on('notice', (notice) => send({ type: 'notice', notice }));
    publisher.on('ended', (reason) => send({ type: 'ended', reason, waiting: false }));
    return {
      activity: publisherActivity(publisher, registry),
      answer: {
        stream: publisher.streamId,
        ...(publicUrl && { watchUrl: `${publicUrl}/watch/${publisher.streamId}` }),
        transport: publisher.transportParameters,
        videoBitrate: videoBitrate(media, by.limits),
        audioBitrate: media.audioBitrate,
        opus: media.opus,
        simulcast: media.simulcast,
      },
    };
  };
}

function publisherActivity(publisher: Publisher, registry: Registry): Activity {
  const end = (reason: EndReason) => {
    publisher.removeAllListeners();
    publisher.close(reason);
  };
  return {
    kind: 'publish',
    get ended() {
      return publisher.closed;
    },
    get viewers() {
      return registry.viewerCount(publisher.streamId);
    },
    async connect({ dtlsParameters }) {
      await publisher.connect(dtlsParameters);
      return {};
    },
    async produce({ kind, rtpParameters }) {
      return { producerId: await publisher.produce(kind, rtpParameters) };
    },
    async restartIce() {
      const { iceParameters } = await publisher.restartIce();
      return { iceParameters };
    },
    async prefer() {
      throw new PharosError('wrong_order', 'a publisher receives nothing; watch on a connection of its own');
    },
    title({ title }) {
      publisher.setTitle(title);
    },
    sending(report) {
      publisher.report(report);
    },
    receiving() {
      throw new PharosError('wrong_order', 'a publisher receives nothing; watch on a connection of its own');
    },
    firstFrame() {
      throw new PharosError(
        'wrong_order',
        'a publisher has no first frame; watch on a connection of its own',
      );
    },
    stop: () => end('stopped'),
    left: () => end('publisher_left'),
  };
}
