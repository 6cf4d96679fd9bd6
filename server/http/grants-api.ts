import { Router } from 'express';
import { z } from 'zod';
import type { Access } from '../auth/access.ts';
import type { Authority } from '../auth/authority.ts';
import { PharosError } from '../base/errors.ts';

type Options = { access: Access; authority: Authority };

/** When all that it concerns will have expired, in seconds since 1970; a revocation is kept until then. */
const expires = z.int().positive().optional();
const name = z.string().min(1).max(256);
const bodySchema = z.union([
  z.strictObject({ jti: name, expires }),
  z.strictObject({ subject: name.refine((subject) => !/^(key|address):/.test(subject)), expires }),
]);

/** `POST /api/revoke`: ends tokens, and what goes on by them. */
export function grantsApi({ access, authority }: Options): Router {
  const router = Router();
  router.post('/api/revoke', access.need('administer'), async (request, response) => {
    const body = bodySchema.safeParse(request.body);
    if (!body.success) {
      throw new PharosError(
        'bad_request',
        'send {"jti": "…"} or {"subject": "…"}, with "expires" (seconds since 1970) if that is known; a configured key is taken back by changing the configuration',
      );
    }
    const { expires, ...what } = body.data;
    const ended = await authority.revoke(what, expires === undefined ? undefined : expires * 1000);
    access.audit(request, 'grant.revoke', { revoked: what, ended });
    response.json({ ended });
  });
  return router;
}
