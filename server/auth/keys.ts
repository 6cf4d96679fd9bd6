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
  publish: { setting: 'publishKey', file: 'publish-key' },
  admin: { setting: 'adminKey', file: 'admin-key' },
} as const;

/**
 * The configured key, or the one generated at the first start and kept in the data directory.
 * @throws ConfigError if it cannot be kept or read there.
 */
export function loadKey({ auth, dataDirectory }: Config, kind: keyof typeof KINDS): StoredKey {
  const { setting, file: name } = KINDS[kind];
  if (auth[setting]) return { key: auth[setting], fresh: false };
  const file = join(dataDirectory, name);
  try {
    return { file, ...readOrMake(file) };
  } catch (error) {
    throw new ConfigError(`dataDirectory: the ${kind} key cannot be kept in ${file}: ${String(error)}`, {
      cause: error,
    });
  }
}

function readOrMake(file: string): { key: string; fresh: boolean } {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    const key = randomBytes(16).toString('base64url');
    writeFileSync(file, `${key}\n`, { flag: 'wx', mode: 0o600 });
    return { key, fresh: true };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const key = readFileSync(file, 'utf8').trim();
  if (key.length < 16) throw new Error('it holds less than 16 characters; delete it to have a new one made');
  return { key, fresh: false };
}
