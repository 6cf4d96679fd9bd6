import { Router } from 'express';
import type { Config } from '../../config/schema.ts';
import type { Grants } from '../auth/grants.ts';
import { PharosError } from '../base/errors.ts';
import { streamId } from '../protocol/messages.ts';
import type { Registry } from '../streams/registry.ts';
import { publishersOnly } from './publishers.ts';

type Options = { config: Config; registry: Registry; grants: Grants };

/**
 * `GET /api/streams/<id>`: how a stream does, for whoever may publish it. An
 * encoder has no page of its own that could tell what disturbs its viewers.
 */
export function streamsApi({ config, registry, grants }: Options): Router {
  const router = Router();
  router.get('/api/streams/:stream', publishersOnly(config, grants), (request, response) => {
    const id = streamId.safeParse(request.params.stream);
    const publisher = id.success ? registry.publisherOf(id.data) : undefined;
    if (!publisher) throw new PharosError('stream_not_found', 'nobody publishes this stream');
    response.json({
      stream: publisher.streamId,
      live: publisher.live,
      viewers: registry.viewerCount(publisher.streamId),
      notices: publisher.notices,
    });
  });
  return router;
}
