import { PharosError } from '../base/errors.ts';
import type { AnswerOf, Event, RequestOf } from '../protocol/messages.ts';
import type { Registry } from '../streams/registry.ts';
import type { Viewer } from '../streams/viewer.ts';
import type { Session } from './socket.ts';

type Options = {
  registry: Registry;
  send: (event: Event) => void;
};

/** A client's part as a viewer: one answer holds all that it needs to receive the stream. */
export async function startWatching(
  request: RequestOf<'watch'>,
  { registry, send }: Options,
): Promise<{ session: Session; answer: AnswerOf<'watch'> }> {
  const { viewer, media, viewers, notice } = await registry.watch(request.stream, {
    rtpCapabilities: request.rtpCapabilities,
  });
  viewer.on('live', (live) =>
    send({ type: 'live', viewers: registry.viewerCount(viewer.streamId), media: live }),
  );
  viewer.on('viewers', send);
  viewer.on('notice', (changed) => send({ type: 'notice', notice: changed }));
  viewer.on('ended', (reason, waiting) => send({ type: 'ended', reason, waiting }));
  return {
    session: viewerSession(viewer),
    answer: media ? { state: 'live', viewers, media } : { state: 'waiting', ...(notice && { notice }) },
  };
}

function viewerSession(viewer: Viewer): Session {
  return {
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
    stop: () => viewer.close(),
    disconnected: () => viewer.close(),
  };
}
