/** The composition root: builds everything in order, closes it in reverse. */
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { checkAnnouncedAddress } from '../workers/media/addresses.ts';
import { pageCapabilities } from '../workers/media/page-h264.ts';
import { WorkerPool } from '../workers/media/pool.ts';
import { TrafficMeter } from '../workers/media/traffic.ts';
import { canRewrite } from '../workers/media/wire.ts';
import { Admission } from './auth/admission.ts';
import { Grants } from './auth/grants.ts';
import { loadKey } from './auth/keys.ts';
import { EventLoopWatch } from './base/event-loop.ts';
import { createLogger } from './base/logger.ts';
import { Cameras } from './cameras/cameras.ts';
import { gatherFacts } from './facts.ts';
import { greeting } from './greeting.ts';
import { createApp } from './http/app.ts';
import { camerasApi } from './http/cameras-api.ts';
import { listen } from './http/listen.ts';
import { metricsApi, metricsApp } from './http/metrics-api.ts';
import { recordingsApi } from './http/recordings-api.ts';
import { streamsApi } from './http/streams-api.ts';
import { Metrics } from './metrics/metrics.ts';
import { publicUrl } from './public-url.ts';
import { Recordings } from './recordings/recordings.ts';
import { wireCapabilities } from './signaling/capabilities.ts';
import { SignalingServer } from './signaling/server.ts';
import { Registry } from './streams/registry.ts';
import { whip as serveWhip } from './whip/routes.ts';

const PAGES = fileURLToPath(new URL('../dist/web', import.meta.url));
/** From the signal to the exit, at most. */
const CLOSE_DEADLINE_MS = 4500;
/** Ctrl-C on `npm start` comes twice: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 1000;

async function start(config: Config, logger: Logger): Promise<() => Promise<void>> {
  await checkAnnouncedAddress(config.media.announcedAddress);
  const publishKey = loadKey(config, 'publish');
  const adminKey = loadKey(config, 'admin');
  const pool = await WorkerPool.create({ media: config.media, logger });
  const traffic = new TrafficMeter();
  for (const worker of pool.workers) traffic.watch(worker);
  pool.on('worker', (worker) => traffic.watch(worker));
  const registry = new Registry({ config, pool, logger });
  const cameras = Cameras.create({ config, logger, registry });
  const recordings = await Recordings.create({ config, logger, registry });
  const eventLoop = new EventLoopWatch({
    limit: config.limits.eventLoopDelay,
    onChange: ({ delay, overloaded }) =>
      logger.warn(
        { delayMs: Math.round(delay) },
        overloaded ? 'overloaded: joins are refused' : 'no longer overloaded',
      ),
  });
  const admission = new Admission(config.limits, () => eventLoop.overloaded);
  const grants = new Grants(config.auth.publish, { publish: publishKey.key, admin: adminKey.key });
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
  const whip = serveWhip({ config, registry, grants, admission, joins, rtpCapabilities, canPlay });
  const app = createApp({
    config,
    logger,
    pagesDir: PAGES,
    ready: () => readiness(pool),
    onRefusal: (code) => admission.refused(code),
    routes: [
      whip.router,
      streamsApi({ config, registry, grants }),
      camerasApi({ config, grants, cameras }),
      recordingsApi({ config, grants, recordings }),
      metricsApi({ config, grants, metrics }),
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
    grants,
    admission,
    joins,
    rtpCapabilities: pageCapabilities(rtpCapabilities),
    publicUrl: publicUrl(config.http, http.port),
  });
  signaling.attach(http.server);
  const metricsHttp = await listenForMetrics(config, metrics, logger);
  cameras.start();
  process.stdout.write(greeting({ config, port: http.port, publishKey, adminKey }));
  logger.info({ port: http.port, workers: pool.size }, 'server up');

  return async () => {
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
    registry.close();
    signaling.close();
    traffic.close();
    eventLoop.close();
    await Promise.all([recordingsClosed, camerasClosed, pool.close(), http.close(), metricsHttp?.close()]);
    signaling.terminate();
  };
}

/** Plain HTTP: it is for the loopback or the network of the monitoring. */
async function listenForMetrics({ metrics: { host, port } }: Config, metrics: Metrics, logger: Logger) {
  if (port === 0) return undefined;
  const listener = { host, port, tls: { cert: '', key: '' } };
  return listen(metricsApp(metrics), listener, logger, { section: 'metrics' });
}

function readiness(pool: WorkerPool): { ok: boolean; reason?: string } {
  const reason = pool.closed ? 'shutting down' : pool.trouble;
  return reason === undefined ? { ok: true } : { ok: false, reason };
}

/** Runs until a signal comes; a second one, or the deadline, ends the process at once. */
async function main(): Promise<void> {
  const config = loadConfig({ env: process.env });
  const logger = createLogger(config.log);
  let close: (() => Promise<void>) | undefined;
  let closingSince: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (closingSince !== undefined) {
      if (performance.now() - closingSince > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    closingSince = performance.now();
    logger.info({ signal }, 'closing');
    setTimeout(() => process.exit(1), CLOSE_DEADLINE_MS).unref();
    // Before start-up is through there is nothing to close but child processes, which end with us.
    if (!close) process.exit(0);
    close().then(
      () => process.exit(0),
      (error) => {
        logger.error({ err: error }, 'closing failed');
        process.exit(1);
      },
    );
  };
  // A fault in one session's handling is no reason to take all streams down.
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection'));
  // Ahead of mediasoup's own listeners, which close the workers under us.
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  close = await start(config, logger);
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`Pharos could not start: ${message}\n`);
  process.exit(1);
});
