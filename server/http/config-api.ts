import { Router } from 'express';
import type { Effective } from '../../config/effective.ts';
import type { Access } from '../auth/access.ts';

type Options = { access: Access; settings: readonly Effective[] };

/** `GET /api/config`: the configuration as it holds, for administrators; no secret is in it. */
export function configApi({ access, settings }: Options): Router {
  const router = Router();
  router.get('/api/config', access.need('administer'), (_request, response) => {
    response.json({ settings });
  });
  return router;
}
