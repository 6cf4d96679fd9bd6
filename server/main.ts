/** The composition root: builds everything in order, closes it in reverse. */
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { type Effective, effectiveConfig } from '../config/effective.ts';
import { readConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { checkAnnouncedAddress } from '../workers/media/addresses.ts';
import { pageCapabilities } from '../workers/media/page-h264.ts';
import { WorkerPool } from '../workers/media/pool.ts';
import { TrafficMeter } from '../workers/media/traffic.ts';
import { canRewrite } from '../workers/media/wire.ts';
import { Access } from './auth/access.ts';
import { Admission } from './auth/admission.ts';
import { Authority } from './auth/authority.ts';
import { loadKey } from './auth/keys.ts';
import { EventLoopWatch } from './base/event-loop.ts';
import { createLogger } from './base/logger.ts';
import { routeUpgrades } from './base/upgrade.ts';
import { Cameras } from './cameras/cameras.ts';
import { createDashboard } from './dashboard.ts';
import { drain } from './drain.ts';
import { gatherFacts } from './facts.ts';
import { greeting } from './greeting.ts';
import { createApp } from './http/app.ts';
import { listen } from './http/listen.ts';
import { metricsApp } from './http/metrics-api.ts';
import { restApi } from './http/rest.ts';
import { Metrics } from './metrics/metrics.ts';
import { Posters } from './posters/posters.ts';
import { publicUrl, reachedAt } from './public-url.ts';
import { Recordings } from './recordings/recordings.ts';
import { wireCapabilities } from './signaling/capabilities.ts';
import { SignalingServer } from './signaling/server.ts';
import { Registry } from './streams/registry.ts';
import { ownVersion } from './version.ts';
import { whip as serveWhip } from './whip/routes.ts';

const PAGES = fileURLToPath(new URL('../dist/web', import.meta.url));
/** From the signal to the exit at most, where nothing is drained. */
const CLOSE_DEADLINE_MS = 4500;
/** What closing takes at the end of draining, at most, and of a short time. */
const CLOSE_AFTER_DRAIN = { ms: 1000, share: 0.25 };
/** Ctrl-C on `npm start` comes twice: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 1000;

type RunningServer = {
  /** Resolves when nobody is left, and after `withinMs` at the latest. */
  drain(withinMs: number): Promise<void>;
  close(): Promise<void>;
};

async function start(config: Config, settings: readonly Effective[], logger: Logger): Promise<RunningServer> {
  await checkAnnouncedAddress(config.media.announcedAddress);
  const publishKey = loadKey(config, 'publish');
  const adminKey = loadKey(config, 'admin');
  const jwtKey = loadKey(config, 'jwt');
  const authority = new Authority({
    auth: config.auth,
    keys: { publish: publishKey.key, admin: adminKey.key, jwt: jwtKey.key },
    dataDirectory: config.dataDirectory,
    logger,
  });
  const access = new Access({ config, authority, logger });
  const pool = await WorkerPool.create({ media: config.media, logger });
  const traffic = new TrafficMeter();
  for (const worker of pool.workers) traffic.watch(worker);
  pool.on('worker', (worker) => traffic.watch(worker));
  const eventLoop = new EventLoopWatch({
    limit: config.limits.eventLoopDelay,
    onChange: ({ delay, overloaded }) =>
      logger.warn(
        { delayMs: Math.round(delay) },
        overloaded ? 'overloaded: joins are refused' : 'no longer overloaded',
      ),
  });
  const isOverloaded = () => eventLoop.overloaded;
  const registry = new Registry({ config, pool, logger, isOverloaded });
  traffic.on('received', (...received) => registry.received(...received));
  const cameras = Cameras.create({ config, logger, registry });
  const recordings = await Recordings.create({ config, logger, registry });
  const posters = new Posters({ config, logger, registry, isOverloaded });
  const admission = new Admission(config.limits, isOverloaded);
  const rtpCapabilities = wireCapabilities(pool.rtpCapabilities);
  const canPlay = canRewrite();
  if (!canPlay) logger.warn("this media worker is mediasoup's own build: WHEP players are refused");
  const metrics = new Metrics(() =>
    gatherFacts({
      config,
      pool,
      traffic,
      registry,
      admission,
      eventLoop,
      http,
      signaling,
      whip,
      cameras,
      recordings,
    }),
  );
  const { joins } = metrics;
  const camera = { kind: 'publish', protocol: 'rtp' } as const;
  registry.on('live', ({ kind }) => kind === 'rtp' && joins.accepted(camera));
  const whip = serveWhip({ config, registry, access, admission, joins, rtpCapabilities, canPlay });
  let draining = false;
  const ready = () => readiness(pool, draining);
  const app = createApp({
    config,
    logger,
    pagesDir: PAGES,
    ready,
    onRefusal: (code) => admission.refused(code),
    routes: [
      whip.router,
      restApi({
        ...{ config, access, authority, registry, cameras, recordings, posters, metrics, settings },
        secret: jwtKey.key,
        baseUrl: () => reachedAt(config, http.port),
        version: ownVersion(),
      }),
    ],
  });
  const http = await listen(app, config.http, logger, { limits: { ...config.http, ...config.limits } }).catch(
    (error: unknown) => {
      void pool.close();
      throw error;
    },
  );
  const signaling = new SignalingServer({
    config,
    logger,
    registry,
    authority,
    admission,
    joins,
    rtpCapabilities: pageCapabilities(rtpCapabilities),
    publicUrl: publicUrl(config.http, http.port),
  });
  const dashboard = createDashboard({
    ...{ config, logger, pool, traffic, registry, authority, admission, eventLoop, joins },
    ...{ signaling, recordings, cameras, http, ready, canPlay },
  });
  routeUpgrades(http.server, {
    '/ws': (...upgrade) => signaling.upgrade(...upgrade),
    '/api/live': (...upgrade) => dashboard.upgrade(...upgrade),
  });
  const metricsHttp = await listenForMetrics(config, metrics, logger);
  cameras.start();
  process.stdout.write(greeting({ config, port: http.port, publishKey, adminKey }));
  logger.info({ port: http.port, workers: pool.size }, 'server up');

  const close = async () => {
    logger.info(
      {
        ...registry.snapshot(),
        sockets: signaling.snapshot(),
        refusals: admission.refusals,
        recordings: recordings.snapshot(),
      },
      'figures at the end',
    );
    // First: what is being recorded is to be ended in order.
    const recordingsClosed = recordings.close();
    const camerasClosed = cameras.close();
    posters.close();
    registry.close();
    signaling.close();
    dashboard.close();
    traffic.close();
    eventLoop.close();
    await Promise.all([recordingsClosed, camerasClosed, pool.close(), http.close(), metricsHttp?.close()]);
    signaling.terminate();
    dashboard.terminate();
  };
  return {
    drain: (withinMs) => {
      draining = true;
      return drain({ registry, signaling, recordings, logger, withinMs });
    },
    close,
  };
}

/** Plain HTTP: it is for the loopback or the network of the monitoring. */
async function listenForMetrics({ metrics: { host, port } }: Config, metrics: Metrics, logger: Logger) {
  if (port === 0) return undefined;
  const listener = { host, port, tls: { cert: '', key: '' } };
  return listen(metricsApp(metrics), listener, logger, { section: 'metrics' });
}

function readiness(pool: WorkerPool, draining: boolean): { ok: boolean; reason?: string } {
  const reason = draining || pool.closed ? 'shutting down' : pool.trouble;
  return reason === undefined ? { ok: true } : { ok: false, reason };
}

/** Runs until a signal comes; a second one, or the deadline, ends the process at once. */
async function main(): Promise<void> {
  const { config, source } = readConfig({ env: process.env });
  const logger = createLogger(config.log);
  let server: RunningServer | undefined;
  let closing: { signal: NodeJS.Signals; since: number } | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (closing) {
      const same = signal === closing.signal && performance.now() - closing.since < SAME_SIGNAL_MS;
      if (!same) process.exit(1);
      return;
    }
    closing = { signal, since: performance.now() };
    logger.info({ signal }, 'closing');
    // Ctrl-C reaches the media workers too, and they end at once: there is nothing left to drain.
    const drainMs = signal === 'SIGTERM' ? config.limits.drainTime * 1000 : 0;
    setTimeout(() => process.exit(1), drainMs || CLOSE_DEADLINE_MS).unref();
    // Before start-up is through there is nothing to close but child processes, which end with us.
    if (!server) process.exit(0);
    end(server, drainMs).then(
      () => process.exit(0),
      (error) => {
        logger.error({ err: error }, 'closing failed');
        process.exit(1);
      },
    );
  };
  // A fault in one session's handling is no reason to take all streams down.
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection'));
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  server = await start(config, effectiveConfig(config, source), logger);
}

async function end(server: RunningServer, drainMs: number): Promise<void> {
  const closeMs = Math.min(CLOSE_AFTER_DRAIN.ms, drainMs * CLOSE_AFTER_DRAIN.share);
  if (drainMs > 0) await server.drain(drainMs - closeMs);
  await server.close();
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`Pharos could not start: ${message}\n`);
  process.exit(1);
});
