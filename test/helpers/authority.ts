/** An Authority of a test's own, and tokens for it. */
import { randomUUID } from 'node:crypto';
import { type Config, configSchema } from '../../config/schema.ts';
import { type Asker, Authority, type AuthorityOptions } from '../../server/auth/authority.ts';
import { type NewToken, signToken } from '../../server/auth/tokens.ts';
import { createLogger } from '../../server/base/logger.ts';

export const KEYS = {
  publish: 'publish-key-publish-key',
  admin: 'admin-key-admin-key',
  jwt: 'a secret of at least 32 characters',
};

export const lines: string[] = [];
const logger = createLogger({ level: 'debug', format: 'json' }, { write: (line) => void lines.push(line) });

export function authorityOf(
  auth: Partial<{ [K in keyof Config['auth']]: unknown }> = {},
  more: Partial<AuthorityOptions> = {},
): Authority {
  return new Authority({ auth: configSchema.parse({ auth }).auth, keys: KEYS, logger, ...more });
}

/** Somebody far away, each from an address of its own unless one is given. */
export function asker(token?: string, more: Partial<Asker> = {}): Asker {
  return { token, address: `198.51.100.${nextAddress++ % 256}`, local: false, ...more };
}
let nextAddress = 1;

export function token(
  claims: Partial<NewToken> = {},
  more: { secret?: string; now?: number } = {},
): Promise<string> {
  const defaults = { actions: ['watch'] as const, stream: 'lecture-1', ttl: 60, id: randomUUID() };
  return signToken({ ...defaults, ...claims }, { secret: KEYS.jwt, issuer: '', audience: '', ...more });
}
