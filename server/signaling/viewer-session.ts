import { PharosError } from '../base/errors.ts';
import type { Joins } from '../metrics/joins.ts';
import type { AnswerOf, RequestOf } from '../protocol/messages.ts';
import type { Held } from '../streams/context.ts';
import type { Registry } from '../streams/registry.ts';
import type { Viewer } from '../streams/viewer.ts';
import type { Activity, Start } from './session.ts';

type Options = Pick<Held, 'who' | 'onGrantEnd'> & {
  registry: Registry;
  joins: Joins;
};

const JOIN = { kind: 'watch', protocol: 'websocket' } as const;

type Answer = AnswerOf<'watch'>;
/** What of the answer is not the session's. */
type OwnAnswer = Answer extends infer A ? (A extends Answer ? Omit<A, 'session' | 'grace'> : never) : never;

/** A client's part as a viewer: one answer holds all that it needs to receive the stream. */
export function watching(
  request: RequestOf<'watch'>,
  { registry, joins, who, onGrantEnd }: Options,
): Start<OwnAnswer> {
  return async ({ send }) => {
    let askedAt = performance.now();
    const { viewer, media, viewers, notice } = await registry.watch(request.stream, {
      rtpCapabilities: request.rtpCapabilities,
      who,
      onGrantEnd,
    });
    joins.accepted(JOIN);
    viewer.on('connected', () => joins.connected(JOIN, performance.now() - askedAt));
    viewer.on('live', (live) => {
      askedAt = performance.now();
      send({ type: 'live', viewers: registry.viewerCount(viewer.streamId), media: live });
    });
    viewer.on('away', (reason) => send({ type: 'away', reason }));
    viewer.on('silence', (silent) =>
      send(silent ? { type: 'away', reason: 'media_lost' } : { type: 'back' }),
    );
    viewer.on('tracks', (tracks) =>
      send({ type: 'tracks', viewers: registry.viewerCount(viewer.streamId), ...tracks }),
    );
    viewer.on('viewers', send);
    viewer.on('layer', (spatialLayer) => send({ type: 'layer', spatialLayer }));
    viewer.on('title', (title) => send({ type: 'title', title }));
    viewer.on('source', send);
    viewer.on('notice', (changed) => send({ type: 'notice', notice: changed }));
    viewer.on('ended', (reason, waiting) => send({ type: 'ended', reason, waiting }));
    return {
      activity: viewerActivity(viewer, registry, joins),
      answer: media ? { state: 'live', viewers, media } : { state: 'waiting', ...(notice && { notice }) },
    };
  };
}

function viewerActivity(viewer: Viewer, registry: Registry, joins: Joins): Activity {
  let firstFrameDue = false;
  viewer.on('connected', () => {
    firstFrameDue = true;
  });
  return {
    kind: 'watch',
    get ended() {
      return viewer.closed;
    },
    get viewers() {
      return registry.viewerCount(viewer.streamId);
    },
    async connect({ dtlsParameters }) {
      await viewer.connect(dtlsParameters);
      return {};
    },
    async produce() {
      throw new PharosError('wrong_order', 'a viewer cannot produce; publish on a connection of its own');
    },
    async restartIce() {
      const { iceParameters } = await viewer.restartIce();
      return { iceParameters };
    },
    async prefer({ video, spatialLayer }) {
      await viewer.prefer({ video, spatialLayer });
      return {};
    },
    title() {
      throw new PharosError('wrong_order', 'a viewer names no stream; publish on a connection of its own');
    },
    sending() {
      throw new PharosError('wrong_order', 'a viewer sends nothing; publish on a connection of its own');
    },
    receiving(report) {
      viewer.report(report);
    },
    firstFrame({ milliseconds }) {
      if (!firstFrameDue) throw new PharosError('wrong_order', 'there is no join to count it for');
      firstFrameDue = false;
      joins.firstFrame(milliseconds);
    },
    stop: () => viewer.close(),
    left: () => viewer.close(),
  };
}
