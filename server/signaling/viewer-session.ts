import { PharosError } from '../base/errors.ts';
import type { Joins } from '../metrics/joins.ts';
import type { AnswerOf, Event, RequestOf } from '../protocol/messages.ts';
import type { Registry } from '../streams/registry.ts';
import type { Viewer } from '../streams/viewer.ts';
import type { Session } from './socket.ts';

type Options = {
  registry: Registry;
  joins: Joins;
  send: (event: Event) => void;
};

const JOIN = { kind: 'watch', protocol: 'websocket' } as const;

/** A client's part as a viewer: one answer holds all that it needs to receive the stream. */
export async function startWatching(
  request: RequestOf<'watch'>,
  { registry, joins, send }: Options,
): Promise<{ session: Session; answer: AnswerOf<'watch'> }> {
  let askedAt = performance.now();
  const { viewer, media, viewers, notice } = await registry.watch(request.stream, {
    rtpCapabilities: request.rtpCapabilities,
  });
  joins.accepted(JOIN);
  viewer.on('connected', () => joins.connected(JOIN, performance.now() - askedAt));
  viewer.on('live', (live) => {
    askedAt = performance.now();
    send({ type: 'live', viewers: registry.viewerCount(viewer.streamId), media: live });
  });
  viewer.on('viewers', send);
  viewer.on('notice', (changed) => send({ type: 'notice', notice: changed }));
  viewer.on('ended', (reason, waiting) => send({ type: 'ended', reason, waiting }));
  return {
    session: viewerSession(viewer, joins),
    answer: media ? { state: 'live', viewers, media } : { state: 'waiting', ...(notice && { notice }) },
  };
}

function viewerSession(viewer: Viewer, joins: Joins): Session {
  let firstFrameDue = false;
  viewer.on('connected', () => {
    firstFrameDue = true;
  });
  return {
    kind: 'watch',
    get ended() {
      return viewer.closed;
    },
    async connect({ dtlsParameters }) {
      await viewer.connect(dtlsParameters);
      return {};
    },
    async produce() {
      throw new PharosError('wrong_order', 'a viewer cannot produce; publish on a connection of its own');
    },
    firstFrame({ milliseconds }) {
      if (!firstFrameDue) throw new PharosError('wrong_order', 'there is no join to count it for');
      firstFrameDue = false;
      joins.firstFrame(milliseconds);
    },
    stop: () => viewer.close(),
    disconnected: () => viewer.close(),
  };
}
