import { Router } from 'express';
import type { Access } from '../auth/access.ts';
import { PharosError } from '../base/errors.ts';
import { streamId } from '../protocol/messages.ts';
import type { Registry } from '../streams/registry.ts';
import { respond, serve } from './operation.ts';
import { deleteStream, endSession, getStream, listSessions, listStreams } from './operations/streams.ts';

type Options = { access: Access; registry: Registry };

/** `/api/streams`: what streams there are, who publishes and watches them, and the end of either. */
export function streamsApi({ access, registry }: Options): Router {
  const router = Router();
  serve(router, access, listStreams, (_request, response) => {
    const streams = registry.list().map((stream) => ({ ...stream, since: isoOf(stream.since) }));
    respond(response, listStreams, 200, { streams });
  });
  serve(router, access, getStream, (request, response) => {
    const publisher = registry.publisherOf(idOf(request));
    if (!publisher) throw new PharosError('stream_not_found', 'nobody publishes this stream');
    respond(response, getStream, 200, {
      stream: publisher.streamId,
      live: publisher.live,
      viewers: registry.viewerCount(publisher.streamId),
      notices: [...publisher.notices],
    });
  });
  serve(router, access, deleteStream, (request, response) => {
    const id = idOf(request);
    if (registry.isReserved(id)) {
      throw new PharosError(
        'stream_in_use',
        `this stream is a camera's, which would begin anew; remove that: DELETE /api/cameras/${id}`,
      );
    }
    if (!registry.remove(id)) throw noStream();
    access.audit(request, 'stream.delete', { streamId: id });
    respond(response, deleteStream, 204);
  });
  serve(router, access, listSessions, (request, response) => {
    const sessions = registry.participants(idOf(request));
    if (sessions.length === 0) throw noStream();
    respond(response, listSessions, 200, {
      sessions: sessions.map((session) => ({ ...session, since: isoOf(session.since) })),
    });
  });
  serve(router, access, endSession, (request, response) => {
    const id = idOf(request);
    const { session = '' } = request.params;
    if (!registry.kick(id, session)) {
      throw new PharosError('stream_not_found', 'there is no such session of this stream; it may have ended');
    }
    access.audit(request, 'session.kick', { streamId: id, session });
    respond(response, endSession, 204);
  });
  return router;
}

function idOf({ params }: { params: Record<string, string> }): string {
  const id = streamId.safeParse(params.stream);
  if (!id.success) throw noStream();
  return id.data;
}

function noStream(): PharosError {
  return new PharosError('stream_not_found', 'nobody publishes, watches or waits for this stream');
}

function isoOf(since: number): string {
  return new Date(since).toISOString();
}
