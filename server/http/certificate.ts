import { type BigIntStats, readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../../config/errors.ts';
import type { Config } from '../../config/schema.ts';
import type { Logger } from '../base/logger.ts';

type Paths = Config['http']['tls'];
export type CertificatePair = { cert: Buffer; key: Buffer };

const LOOK_EVERY_MS = 1000;

/** Reads both and makes sure that they belong together. */
export function readCertificate(paths: Paths): CertificatePair {
  try {
    const pair = { cert: readFileSync(paths.cert), key: readFileSync(paths.key) };
    createSecureContext(pair);
    return pair;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `http.tls: "${paths.cert}" and "${paths.key}" cannot be used as certificate and key: ${reason}`,
      { cause: error },
    );
  }
}

/**
 * Hands on each new pair that is usable; a broken one, as between the writing
 * of one file and the other, is logged and the old pair stays in use. The files
 * are looked at every second instead of being watched: that alone sees through
 * whatever links certbot or Kubernetes swap, in the path or above it, and works
 * on network file systems. (`fs.watchFile` would miss a change before its first
 * look, which it takes some time after it was called.)
 */
export function watchCertificate(
  paths: Paths,
  logger: Logger,
  use: (pair: CertificatePair) => void,
): () => void {
  const files = [paths.cert, paths.key];
  let seen = files.map((file) => fingerprint(statSync(file, { bigint: true }))).join();
  let stopped = false;
  const look = async () => {
    const now = (await Promise.all(files.map(fingerprintNow))).join();
    if (now === seen || stopped) return;
    seen = now;
    reload(paths, logger, use);
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS).unref();
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}

function reload(paths: Paths, logger: Logger, use: (pair: CertificatePair) => void): void {
  try {
    use(readCertificate(paths));
    logger.info({ cert: paths.cert }, 'certificate reloaded');
  } catch (error) {
    logger.warn({ err: error }, 'certificate not reloaded, the previous one stays in use');
  }
}

function fingerprint({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(':');
}

function fingerprintNow(file: string): Promise<string> {
  return stat(file, { bigint: true }).then(fingerprint, () => 'missing');
}
