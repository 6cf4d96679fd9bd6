import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../../config/errors.ts';
import type { Config } from '../../config/schema.ts';

export type StoredKey = {
  key: string;
  /** Where it is kept; undefined if the configuration gives it. */
  file?: string;
  /** Made just now. */
  fresh: boolean;
};

const KINDS = {
  publish: { configured: (auth: Config['auth']) => auth.publishKey, file: 'publish-key', bytes: 16 },
  admin: { configured: (auth: Config['auth']) => auth.adminKey, file: 'admin-key', bytes: 16 },
  // As long as what HMAC-SHA256 makes of it (RFC 7518, section 3.2).
  jwt: { configured: (auth: Config['auth']) => auth.jwt.secret, file: 'jwt-secret', bytes: 32 },
} as const;

/**
 * The configured key, or the one generated at the first start and kept in the data directory.
 * @throws ConfigError if it cannot be kept or read there.
 */
export function loadKey({ auth, dataDirectory }: Config, kind: keyof typeof KINDS): StoredKey {
  const { configured, file: name, bytes } = KINDS[kind];
  if (configured(auth)) return { key: configured(auth), fresh: false };
  const file = join(dataDirectory, name);
  try {
    return { file, ...readOrMake(file, bytes) };
  } catch (error) {
    throw new ConfigError(`dataDirectory: the ${kind} key cannot be kept in ${file}: ${String(error)}`, {
      cause: error,
    });
  }
}

function readOrMake(file: string, bytes: number): { key: string; fresh: boolean } {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    const key = randomBytes(bytes).toString('base64url');
    writeFileSync(file, `${key}\n`, { flag: 'wx', mode: 0o600 });
    return { key, fresh: true };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const key = readFileSync(file, 'utf8').trim();
  if (key.length < bytes)
    throw new Error(`it holds less than ${bytes} characters; delete it to have a new one made`);
  return { key, fresh: false };
}
