import { Router } from 'express';
import { respond } from './operation.ts';
import { getHealth, getReadiness } from './operations/server.ts';

export type Readiness = { ok: boolean; reason?: string };

/** Health for whatever supervises the process: alive at all, and fit to take clients. */
export function api(ready: () => Readiness): Router {
  const router = Router();
  router.get(getHealth.path, (_request, response) => {
    response.set('Cache-Control', 'no-store');
    respond(response, getHealth, 200, { status: 'ok' });
  });
  router.get(getReadiness.path, (_request, response) => {
    response.set('Cache-Control', 'no-store');
    const { ok, reason = 'starting' } = ready();
    if (ok) respond(response, getReadiness, 200, { status: 'ready' });
    else respond(response, getReadiness, 503, { status: 'not ready', reason });
  });
  return router;
}
