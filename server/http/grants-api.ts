import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import type { z } from 'zod';
import type { Config } from '../../config/schema.ts';
import type { Access } from '../auth/access.ts';
import type { Authority } from '../auth/authority.ts';
import { isKeyHolder } from '../auth/grant.ts';
import { noteOn, usesOf } from '../auth/grant-uses.ts';
import { signToken } from '../auth/tokens.ts';
import { PharosError } from '../base/errors.ts';
import { respond, serve } from './operation.ts';
import { makeGrant, revokeGrants, TEN_YEARS } from './operations/grants.ts';

type Options = {
  access: Access;
  authority: Authority;
  auth: Config['auth'];
  /** That tokens are signed with. */
  secret: string;
  /** Where the server is reached, without a slash at its end. */
  baseUrl(): string;
};

const WORDS: Readonly<Record<string, string>> = {
  action: '"publish", "watch", "record" or "administer"',
  stream: 'a stream id, in which "*" stands for any letters',
  ttl: `a whole number of seconds, at most ${TEN_YEARS}`,
  subject: '1 to 256 characters that do not begin with "key:", "address:" or "token:"',
  limits: 'an object with viewers, bitrate (bit/s) or streams, whole numbers and not too small',
};

/** `POST /api/grants`: makes a token, as `npm run grant` does. `POST /api/revoke`: ends some, and what goes on by them. */
export function grantsApi({ access, authority, auth, secret, baseUrl }: Options): Router {
  const router = Router();
  serve(router, access, makeGrant, async (request, response) => {
    const { action, stream, ttl, subject, limits } = grantOf(request);
    if (action === 'administer' && !isKeyHolder(access.grantOf(request))) {
      // Else one that is about to expire, or to be revoked, would live on in those that it made.
      throw new PharosError(
        'not_allowed',
        'grants to administer are made with the admin key, not with another grant',
      );
    }
    const id = randomUUID();
    const { issuer, audience } = auth.jwt;
    const now = Date.now();
    const token = await signToken(
      { actions: [action], stream, ttl, subject, id, limits },
      { secret, issuer, audience, now },
    );
    const until = new Date((Math.floor(now / 1000) + ttl) * 1000).toISOString();
    access.audit(request, 'grant.make', {
      jti: id,
      action,
      streams: stream,
      holder: subject,
      expires: until,
    });
    respond(response, makeGrant, 201, {
      token,
      jti: id,
      action,
      stream,
      subject: subject ?? null,
      expires: until,
      uses: usesOf({ action, stream }, baseUrl(), token),
      note: noteOn({ action, stream }, auth) ?? null,
    });
  });
  serve(router, access, revokeGrants, async (request, response) => {
    const body = revokeGrants.body.schema.safeParse(request.body);
    if (!body.success) {
      throw new PharosError(
        'bad_request',
        'send {"jti": "…"} or {"subject": "…"}, with "expires" (seconds since 1970) if that is known; a configured key is taken back by changing the configuration',
      );
    }
    const { expires, ...what } = body.data;
    const ended = await authority.revoke(what, expires === undefined ? undefined : expires * 1000);
    access.audit(request, 'grant.revoke', { revoked: what, ended });
    respond(response, revokeGrants, 200, { ended });
  });
  return router;
}

function grantOf({ body }: { body: unknown }): z.infer<typeof makeGrant.body.schema> {
  const parsed = makeGrant.body.schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? '');
  const words = WORDS[field];
  throw new PharosError(
    'bad_request',
    words
      ? `${field}: it must be ${words}`
      : `send a JSON object; its fields are ${Object.keys(WORDS).join(', ')}`,
  );
}
