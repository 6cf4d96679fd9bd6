import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';

export type PublishKey = {
  key: string;
  /** Where it is kept; undefined if the configuration gives it. */
  file?: string;
  /** Made just now: to be shown once. */
  fresh: boolean;
};

/** The configured publish key, or the one generated at the first start and kept in the data directory. */
export function loadPublishKey(config: Config): PublishKey {
  if (config.auth.publishKey) return { key: config.auth.publishKey, fresh: false };
  const file = join(config.dataDirectory, 'publish-key');
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 });
  try {
    const key = randomBytes(16).toString('base64url');
    writeFileSync(file, `${key}\n`, { flag: 'wx', mode: 0o600 });
    return { key, file, fresh: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const key = readFileSync(file, 'utf8').trim();
  if (key.length < 16)
    throw new Error(
      `${file} holds no publish key of at least 16 characters; delete it to have a new one made`,
    );
  return { key, file, fresh: false };
}
