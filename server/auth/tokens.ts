/** Grants as JWTs (RFC 7519): read, and made for `npm run grant`. */
import {
  createRemoteJWKSet,
  customFetch,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
  SignJWT,
} from 'jose';
import { z } from 'zod';
import { type Config, grantLimitsSchema, streamPatternSchema } from '../../config/schema.ts';
import type { Logger } from '../base/logger.ts';
import { failureOf, readAtMost } from '../base/signed-post.ts';
import {
  type Action,
  actionSchema,
  type GrantLimits,
  subjectOfToken,
  subjectSchema,
  type Terms,
} from './grant.ts';

/** `exp` is what jose demands besides; an unknown action or limit makes the token void, since it can't be kept to. */
const claimsSchema = z.object({
  sub: subjectSchema.optional(),
  jti: z.string().min(1).max(256).optional(),
  iat: z.number().optional(),
  exp: z.number(),
  act: z.union([actionSchema, z.array(actionSchema).min(1)]).transform((act) => [act].flat()),
  stream: streamPatternSchema,
  limits: grantLimitsSchema.default({}),
});

/** By which key a token is read follows from its algorithm, and each key reads its own only (RFC 8725, section 3.1). */
const SHARED = ['HS256'];
const PUBLIC = ['RS256', 'ES256', 'EdDSA'];
/** How far the clock of who makes tokens may be ahead of ours. */
const CLOCK_TOLERANCE_SECONDS = 5;
const JWKS_TIMEOUT_MS = 2000;
const JWKS_BYTES = 262_144;
/** jose's codes: it could not be fetched, in time, or is none. */
const KEY_SET_FAULTS = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);

const JWT = /^[\w-]+\.[\w-]*\.[\w-]*$/;
/** Verified in place of what is none, so that this takes as long. */
const NONE = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.e30.${'A'.repeat(43)}`;

type TokensOptions = { secret: string; logger: Logger; now: () => number } & Pick<
  Config['auth']['jwt'],
  'jwksUrl' | 'issuer' | 'audience'
>;

/** Reads JWTs, by the shared secret and, where there are some, by others' public keys. */
export class Tokens {
  readonly #secret: Uint8Array;
  readonly #jwks: ReturnType<typeof createRemoteJWKSet> | undefined;
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    const { secret, jwksUrl } = options;
    this.#options = options;
    this.#secret = Buffer.from(secret);
    if (jwksUrl) {
      const settings = { timeoutDuration: JWKS_TIMEOUT_MS, [customFetch]: fetchBounded };
      this.#jwks = createRemoteJWKSet(new URL(jwksUrl), settings);
    }
  }

  /**
   * What a token says, if who signed it may say so; also when it has expired.
   * Undefined for anything else: never throws.
   */
  async read(token: string | undefined): Promise<Terms | undefined> {
    const { logger, audience } = this.#options;
    if (token === undefined || !JWT.test(token)) {
      await this.#verify(NONE).catch(() => undefined);
      return undefined;
    }
    try {
      const payload = await this.#verify(token);
      // A token for somebody else (RFC 7519, section 4.1.3), signed by keys that serve others too.
      if (payload.aud !== undefined && audience === '') return undefined;
      const { sub, jti, iat, exp, act, stream, limits } = claimsSchema.parse(payload);
      return {
        subject: sub ?? subjectOfToken(token),
        id: jti,
        actions: act,
        streams: stream,
        issuedAt: iat === undefined ? undefined : iat * 1000,
        expires: exp * 1000,
        limits,
      };
    } catch (error) {
      const reason = reasonOf(error);
      if (isOfKeySet(error)) logger.warn({ reason }, 'the public keys of auth.jwt.jwksUrl are not to be had');
      else logger.debug({ reason }, 'token void');
      return undefined;
    }
  }

  async #verify(token: string): Promise<JWTPayload> {
    const { issuer, audience, now } = this.#options;
    const options: JWTVerifyOptions = {
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(now()),
      requiredClaims: ['exp'],
      ...(issuer && { issuer }),
      ...(audience && { audience }),
    };
    try {
      const { payload } =
        this.#jwks && PUBLIC.includes(algorithmOf(token))
          ? await jwtVerify(token, this.#jwks, { ...options, algorithms: PUBLIC })
          : await jwtVerify(token, this.#secret, { ...options, algorithms: SHARED });
      return payload;
    } catch (error) {
      // Thrown last of all: signature, issuer and audience are right.
      if (error instanceof errors.JWTExpired) return error.payload;
      throw error;
    }
  }
}

/** As the token has it: it chooses between keys, and is believed in nothing else. */
function algorithmOf(token: string): string {
  try {
    return decodeProtectedHeader(token).alg ?? '';
  } catch {
    return '';
  }
}

export type NewToken = {
  actions: readonly Action[];
  stream: string;
  /** In seconds. */
  ttl: number;
  subject?: string | undefined;
  id: string;
  limits?: GrantLimits | undefined;
};

/** Makes a token that a server with the same secret, issuer and audience accepts. */
export async function signToken(
  { actions, stream, ttl, subject, id, limits }: NewToken,
  {
    secret,
    issuer,
    audience,
    now = Date.now(),
  }: { secret: string; issuer: string; audience: string; now?: number },
): Promise<string> {
  const issuedAt = Math.floor(now / 1000);
  const [act] = actions;
  const token = new SignJWT({
    act: actions.length === 1 ? act : [...actions],
    stream,
    ...(limits && Object.keys(limits).length > 0 && { limits }),
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setJti(id)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ttl);
  if (subject) token.setSubject(subject);
  if (issuer) token.setIssuer(issuer);
  if (audience) token.setAudience(audience);
  return token.sign(Buffer.from(secret));
}

/** jose reads what it is given to its end. */
async function fetchBounded(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options);
  const text = await readAtMost(response, JWKS_BYTES);
  if (text === undefined) throw new errors.JWKSInvalid(`the key set is larger than ${JWKS_BYTES} bytes`);
  return new Response(text, { status: response.status });
}

/** What is no fault of a token. */
function isOfKeySet(error: unknown): boolean {
  if (error instanceof z.ZodError) return false;
  return !(error instanceof errors.JOSEError) || KEY_SET_FAULTS.has(error.code);
}

/** Never the token or a part of it, nor an address, which may hold a password. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) return `${error.code} ${error.claim}`;
  if (error instanceof errors.JOSEError) return error.code;
  if (error instanceof z.ZodError) return `claim ${String(error.issues[0]?.path[0] ?? '')}`;
  return failureOf(error);
}
