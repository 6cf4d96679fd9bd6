import { randomUUID } from 'node:crypto';
import { type Request, Router } from 'express';
import { z } from 'zod';
import { type Config, grantLimitsSchema, streamPatternSchema } from '../../config/schema.ts';
import type { Access } from '../auth/access.ts';
import type { Authority } from '../auth/authority.ts';
import { actionSchema, isKeyHolder, subjectSchema } from '../auth/grant.ts';
import { noteOn, usesOf } from '../auth/grant-uses.ts';
import { signToken } from '../auth/tokens.ts';
import { PharosError } from '../base/errors.ts';
import type { MadeGrant } from '../protocol/live.ts';

type Options = {
  access: Access;
  authority: Authority;
  auth: Config['auth'];
  /** That tokens are signed with. */
  secret: string;
  /** Where the server is reached, without a slash at its end. */
  baseUrl(): string;
};

/** When all that it concerns will have expired, in seconds since 1970; a revocation is kept until then. */
const expires = z.int().positive().optional();
const name = z.string().min(1).max(256);
const revokeSchema = z.union([
  z.strictObject({ jti: name, expires }),
  z.strictObject({ subject: name.refine((subject) => !/^(key|address):/.test(subject)), expires }),
]);

const TEN_YEARS = 10 * 365 * 86_400;
const grantSchema = z.strictObject({
  action: actionSchema,
  stream: streamPatternSchema.default('*'),
  /** In seconds. */
  ttl: z.int().min(1).max(TEN_YEARS).default(86_400),
  subject: subjectSchema.optional(),
  limits: grantLimitsSchema.default({}),
});

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
  router.post('/api/grants', access.need('administer'), async (request, response) => {
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
    const made: MadeGrant = {
      token,
      jti: id,
      action,
      stream,
      subject: subject ?? null,
      expires: until,
      uses: usesOf({ action, stream }, baseUrl(), token),
      note: noteOn({ action, stream }, auth) ?? null,
    };
    response.status(201).json(made);
  });
  router.post('/api/revoke', access.need('administer'), async (request, response) => {
    const body = revokeSchema.safeParse(request.body);
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

function grantOf({ body }: Request): z.infer<typeof grantSchema> {
  const parsed = grantSchema.safeParse(body);
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
