import { Router } from 'express';
import type { Effective } from '../../config/effective.ts';
import type { Access } from '../auth/access.ts';
import { respond, serve } from './operation.ts';
import { getConfig } from './operations/server.ts';

type Options = { access: Access; settings: readonly Effective[] };

/** `GET /api/config`: the configuration as it holds, for administrators; no secret is in it. */
export function configApi({ access, settings }: Options): Router {
  const router = Router();
  serve(router, access, getConfig, (_request, response) => {
    respond(response, getConfig, 200, { settings: [...settings] });
  });
  return router;
}
