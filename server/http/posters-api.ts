import { type Request, type Response, Router } from 'express';
import type { Config } from '../../config/schema.ts';
import type { Access } from '../auth/access.ts';
import type { Authority } from '../auth/authority.ts';
import { clientAddress } from '../auth/requester.ts';
import { PharosError } from '../base/errors.ts';
import { addressKey, KeyedLimiter } from '../base/limits.ts';
import type { Posters } from '../posters/posters.ts';
import { streamId } from '../protocol/messages.ts';
import { serve } from './operation.ts';
import { getPoster } from './operations/streams.ts';

type Options = { config: Config; access: Access; authority: Authority; posters: Posters };

/** `GET /api/streams/<id>/poster`: what the stream looked like a short while ago, for whoever may watch it. */
export function postersApi({ config, access, authority, posters }: Options): Router {
  const router = Router();
  const { joinsPerAddress } = config.limits;
  const asked = new KeyedLimiter({ rate: joinsPerAddress / 60, burst: joinsPerAddress });
  const limited = (request: Request, _response: Response, next: () => void) => {
    const address = clientAddress(request, config.http.trustedProxies);
    if (asked.take(addressKey(address), performance.now())) return next();
    throw new PharosError('too_many_requests', 'too many posters for this address; try again in a minute');
  };
  router
    .route(getPoster.path)
    .all(crossOrigin)
    .options((_request, response) => {
      response.status(204).end();
    })
    // First: asking who may costs something too.
    .get(limited);
  serve(router, access, getPoster, async (request, response) => {
    const id = streamId.safeParse(request.params.stream);
    const poster = id.success ? await posters.get(id.data) : undefined;
    if (!poster) throw new PharosError('stream_not_found', 'there is no picture of this stream just now');
    const isPrivate = id.success && authority.isPrivate(id.data);
    response
      .set({
        'Content-Type': 'image/jpeg',
        'Cache-Control': `${isPrivate ? 'private, ' : ''}max-age=${config.posters.interval}`,
        'Last-Modified': new Date(poster.madeAt).toUTCString(),
        ETag: poster.etag,
        Vary: 'Authorization',
      })
      .send(poster.jpeg);
  });
  return router;
}

/** Players stand on pages of other origins too: nothing here goes by cookies. */
function crossOrigin(_request: Request, response: Response, next: () => void): void {
  response.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': 'GET',
    'Access-Control-Allow-Headers': 'Authorization',
    'Access-Control-Max-Age': '86400',
    'Cross-Origin-Resource-Policy': 'cross-origin',
  });
  next();
}
