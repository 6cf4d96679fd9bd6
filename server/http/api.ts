import { type Response, Router } from 'express';

export type Readiness = { ok: boolean; reason?: string };

/** Health for whatever supervises the process: alive at all, and fit to take clients. */
export function api(ready: () => Readiness): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    state(response, 200, { status: 'ok' });
  });
  router.get('/readyz', (_request, response) => {
    const { ok, reason } = ready();
    if (ok) state(response, 200, { status: 'ready' });
    else state(response, 503, { status: 'not ready', reason: reason ?? 'starting' });
  });
  return router;
}

function state(response: Response, status: number, body: Record<string, string>): void {
  response.status(status).set('Cache-Control', 'no-store').json(body);
}
