/**
 * The server's parts in the test's own process, where the test can make a worker busy: those that
 * carry media. For all else there is server.ts.
 */
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { Access } from '../../server/auth/access.ts';
import { Admission } from '../../server/auth/admission.ts';
import { Authority } from '../../server/auth/authority.ts';
import { createLogger } from '../../server/base/logger.ts';
import { routeUpgrades } from '../../server/base/upgrade.ts';
import { createApp } from '../../server/http/app.ts';
import { listen } from '../../server/http/listen.ts';
import { Joins } from '../../server/metrics/joins.ts';
import { wireCapabilities } from '../../server/signaling/capabilities.ts';
import { SignalingServer } from '../../server/signaling/server.ts';
import { Registry } from '../../server/streams/registry.ts';
import { whip } from '../../server/whip/routes.ts';
import { pageCapabilities } from '../../workers/media/page-h264.ts';
import { type MediaWorker, WorkerPool } from '../../workers/media/pool.ts';
import { freePorts } from './server.ts';

export type Here = {
  url: string;
  pool: WorkerPool;
  registry: Registry;
  /** From now on one worker is home to all streams, and so busy that viewers go to another. */
  spread(): void;
  stop(): Promise<void>;
};

/**
 * Makes a worker appear busy: a core really used up would slow down the very tests that need it.
 * @returns the function that ends it.
 */
export function busy({ load }: MediaWorker, value = 1): () => void {
  Object.defineProperty(load, 'value', { value, configurable: true });
  return () => void Reflect.deleteProperty(load, 'value');
}

export async function startHere(settings: Record<string, string> = {}): Promise<Here> {
  const config = loadConfig({
    env: {
      PHAROS_HTTP_HOST: '127.0.0.1',
      PHAROS_HTTP_PORT: '0',
      PHAROS_AUTH_PUBLISH: 'open',
      PHAROS_MEDIA_WORKERS: '2',
      PHAROS_MEDIA_LISTEN_ADDRESSES: '127.0.0.1',
      PHAROS_MEDIA_PORT_BASE: String(await freePorts(2)),
      ...settings,
    },
  });
  const logger = createLogger({ level: 'silent', format: 'json' });
  const pool = await WorkerPool.create({ media: config.media, logger });
  const registry = new Registry({ config, pool, logger });
  const admission = new Admission(config.limits);
  const keys = { publish: 'a key of no use here', admin: 'a key of no use here', jwt: 'of no use here' };
  const authority = new Authority({ auth: config.auth, keys, logger });
  const access = new Access({ config, authority, logger });
  const rtpCapabilities = wireCapabilities(pool.rtpCapabilities);
  const joins = new Joins();
  const app = createApp({
    config,
    logger,
    pagesDir: join(import.meta.dirname, '../../dist/web'),
    ready: () => ({ ok: true }),
    onRefusal: (code) => admission.refused(code),
    routes: [whip({ config, registry, access, admission, joins, rtpCapabilities, canPlay: true }).router],
  });
  const http = await listen(app, config.http, logger);
  const signaling = new SignalingServer({
    ...{ config, logger, registry, authority, admission, joins, publicUrl: undefined },
    rtpCapabilities: pageCapabilities(rtpCapabilities),
  });
  routeUpgrades(http.server, { '/ws': (...upgrade) => signaling.upgrade(...upgrade) });
  return {
    url: `http://127.0.0.1:${http.port}`,
    pool,
    registry,
    spread: () => {
      const [home] = pool.workers;
      if (!home) throw new Error('no worker');
      pool.pick = () => home;
      busy(home, 0.8);
    },
    stop: async () => {
      registry.close();
      signaling.close();
      signaling.terminate();
      await Promise.all([http.close(), pool.close()]);
    },
  };
}
