/** What an open dashboard costs with 100 streams and 2,000 viewers, and that a closed one costs nothing. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { Admission } from '../../server/auth/admission.ts';
import { PharosError } from '../../server/base/errors.ts';
import { createLogger } from '../../server/base/logger.ts';
import { routeUpgrades } from '../../server/base/upgrade.ts';
import { Dashboard } from '../../server/http/live/dashboard.ts';
import { type Parts, VIEWERS_SHOWN } from '../../server/protocol/live.ts';
import type { RtpCapabilities } from '../../server/protocol/messages.ts';
import { wireCapabilities } from '../../server/signaling/capabilities.ts';
import { Registry } from '../../server/streams/registry.ts';
import { WorkerPool } from '../../workers/media/pool.ts';
import { authorityOf, KEYS } from '../helpers/authority.ts';
import { DTLS, rtpParameters } from '../helpers/client.ts';
import { LiveTestClient } from '../helpers/live-client.ts';
import { freePorts } from '../helpers/server.ts';

const STREAMS = 100;
const VIEWERS = 2000;
/** Half of the viewers watch one stream, the one that is looked at. */
const CROWD = VIEWERS / 2;

const logger = createLogger({ level: 'silent', format: 'json' });
let config: Config;
let pool: WorkerPool;
let registry: Registry;
let dashboard: Dashboard;
const http = createServer();

beforeAll(async () => {
  config = loadConfig({
    env: {
      PHAROS_MEDIA_WORKERS: '1',
      PHAROS_MEDIA_LISTEN_ADDRESSES: '127.0.0.1',
      PHAROS_MEDIA_PORT_BASE: String(await freePorts(1)),
      PHAROS_LIMITS_MEDIA_SETUP_TIME: '300',
      PHAROS_LIMITS_VIEWERS_PER_STREAM: String(VIEWERS),
      PHAROS_LIMITS_STREAMS_PER_GRANT: String(STREAMS),
      PHAROS_LIMITS_MAX_LOAD: '1',
    },
  });
  pool = await WorkerPool.create({ media: config.media, logger });
  registry = new Registry({ config, pool, logger });
  const capabilities = wireCapabilities(pool.rtpCapabilities);
  for (let index = 0; index < STREAMS; index++) await live(`stream-${index}`);
  const ids = Array.from({ length: VIEWERS }, (_, index) =>
    index < CROWD ? 'stream-0' : `stream-${1 + (index % (STREAMS - 1))}`,
  );
  const lane = async () => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) await watchAs(id, capabilities);
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  dashboard = new Dashboard({
    config,
    logger,
    registry,
    authority: authorityOf(),
    admission: new Admission(config.limits),
    about: () => ({
      ...{ version: '', node: '', mediasoup: '', startedAt: 0, workers: 1, maxLoad: 1, whep: true },
      loads: { everyMs: 10_000, at: 0, rows: [] },
    }),
    // The server's own figures are a hundred numbers that are there anyway; streams and viewers are what grows.
    server: { look: () => PARTS },
    isRecorded: () => false,
    isCamera: () => false,
  });
  routeUpgrades(http, { '/api/live': (...upgrade) => dashboard.upgrade(...upgrade) });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
}, 120_000);
afterAll(async () => {
  dashboard?.close();
  registry?.close();
  http.close();
  await pool?.close();
});

async function live(id: string): Promise<void> {
  const publisher = await registry.publish({ tracks: ['video'], id, grant: 'test' });
  await publisher.connect(DTLS);
  await publisher.produce('video', rtpParameters('VP8'));
}

async function watchAs(id: string, rtpCapabilities: RtpCapabilities): Promise<void> {
  const who = { protocol: 'websocket', address: '203.0.113.7', subject: 'address:203.0.113.7' } as const;
  const { viewer } = await joined(() => registry.watch(id, { rtpCapabilities, who }));
  const frozen = Math.random() < 0.1 ? 1500 : 0;
  viewer.report({
    ...{ frozen, bitrate: 1_500_000, width: 1280, height: 720, frameRate: 30, roundTrip: 40 },
    ...{ lost: 0.01, path: 'udp', slowDecoder: false },
  });
}

/** So many at once make a worker look as busy as it may be, until it is measured again. */
async function joined<T>(join: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await join();
    } catch (error) {
      if (!(error instanceof PharosError) || error.code !== 'full') throw error;
      await delay(100);
    }
  }
}

/** CPU time of one turn, in ms, over `turns` of them; and what comes to the page. */
async function measure(client: LiveTestClient, turns: number) {
  const [ticks, ms, bytes] = [dashboard.cost.ticks, dashboard.cost.ms, client.bytes];
  await expect.poll(() => dashboard.cost.ticks - ticks, { timeout: 60_000 }).toBeGreaterThanOrEqual(turns);
  const done = dashboard.cost.ticks - ticks;
  return { ms: (dashboard.cost.ms - ms) / done, bytes: (client.bytes - bytes) / done };
}

test('a turn takes a few ms, and no viewer of a stream that is not looked at is told of', async () => {
  expect(registry.snapshot()).toMatchObject({ streams: STREAMS, viewers: VIEWERS });
  const { port } = http.address() as AddressInfo;
  const client = await LiveTestClient.open(port, KEYS.admin);
  const full = client.bytes;
  const table = await measure(client, 5);
  client.send({ type: 'open', stream: 'stream-0' });
  await client.of('stream');
  const opened = await measure(client, 5);
  console.info(
    `${STREAMS} streams, ${VIEWERS} viewers: ${table.ms.toFixed(1)} ms of CPU a second, ${Math.round(table.bytes / 1000)} kB (${Math.round(full / 1000)} kB at first); ` +
      `one of ${CROWD} viewers looked at: ${opened.ms.toFixed(1)} ms, ${Math.round(opened.bytes / 1000)} kB`,
  );
  expect(client.streams.size).toBe(STREAMS);
  expect(client.detail?.viewers).toHaveLength(VIEWERS_SHOWN);
  expect(client.detail?.audience).toMatchObject({ viewers: CROWD, reporting: expect.any(Number) });
  // Those in trouble come first.
  const troubles = client.detail?.viewers.map(({ trouble }) => trouble) ?? [];
  expect(troubles).toEqual(troubles.toSorted((a, b) => b - a));
  // A busy machine has its share in it.
  expect(opened.ms).toBeLessThan(200);
  await client.close();

  const { ticks } = dashboard.cost;
  // That nothing happens can't be waited for.
  await delay(1500);
  const other = await LiveTestClient.open(port, KEYS.admin);
  expect(dashboard.cost.ticks).toBe(ticks + 1);
  await other.close();
});

const PARTS: Parts = {
  health: { ready: true, reason: null, overloaded: false, eventLoopDelay: 0 },
  totals: {
    ...{ streams: STREAMS, viewers: VIEWERS, waiting: 0, received: null, sent: null },
    ...{ connections: 0, sockets: 0, memory: 0, cpu: 0 },
  },
  joins: { window: 600, join: null, firstFrame: null },
  refusals: { window: 600, codes: [] },
  ended: [],
  workers: [],
  deaths: 0,
  recordings: { recording: 0, finishing: 0, failures: 0, damaged: 0, free: null },
  cameras: [],
};
