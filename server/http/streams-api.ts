import { type Request, Router } from 'express';
import type { Access } from '../auth/access.ts';
import { PharosError } from '../base/errors.ts';
import { streamId } from '../protocol/messages.ts';
import type { Registry } from '../streams/registry.ts';

type Options = { access: Access; registry: Registry };

/** `/api/streams`: what streams there are, who publishes and watches them, and the end of either. */
export function streamsApi({ access, registry }: Options): Router {
  const router = Router();
  router.get('/api/streams', access.need('administer'), (_request, response) => {
    response.json({ streams: registry.list().map((stream) => ({ ...stream, since: isoOf(stream.since) })) });
  });
  // Also for whoever publishes or records it: an encoder has no page that could tell what disturbs its viewers.
  router.get('/api/streams/:stream', access.need('record'), (request, response) => {
    const publisher = registry.publisherOf(idOf(request));
    if (!publisher) throw new PharosError('stream_not_found', 'nobody publishes this stream');
    response.json({
      stream: publisher.streamId,
      live: publisher.live,
      viewers: registry.viewerCount(publisher.streamId),
      notices: publisher.notices,
    });
  });
  router.delete('/api/streams/:stream', access.need('administer'), (request, response) => {
    const id = idOf(request);
    if (registry.isReserved(id)) {
      throw new PharosError(
        'stream_in_use',
        `this stream is a camera's, which would begin anew; remove that: DELETE /api/cameras/${id}`,
      );
    }
    if (!registry.remove(id)) throw noStream();
    access.audit(request, 'stream.delete', { streamId: id });
    response.status(204).end();
  });
  router.get('/api/streams/:stream/sessions', access.need('administer'), (request, response) => {
    const sessions = registry.participants(idOf(request));
    if (sessions.length === 0) throw noStream();
    response.json({ sessions: sessions.map((session) => ({ ...session, since: isoOf(session.since) })) });
  });
  router.delete('/api/streams/:stream/sessions/:session', access.need('administer'), (request, response) => {
    const id = idOf(request);
    const { session } = request.params;
    if (typeof session !== 'string' || !registry.kick(id, session)) {
      throw new PharosError('stream_not_found', 'there is no such session of this stream; it may have ended');
    }
    access.audit(request, 'session.kick', { streamId: id, session });
    response.status(204).end();
  });
  return router;
}

function idOf({ params }: Request): string {
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
