import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import type { Grant } from '../../server/auth/grant.ts';
import { createLogger } from '../../server/base/logger.ts';
import { Slots } from '../../server/base/slots.ts';
import type { RtpCapabilities } from '../../server/protocol/messages.ts';
import { wireCapabilities } from '../../server/signaling/capabilities.ts';
import { Probe } from '../../server/streams/probe.ts';
import type { Publisher } from '../../server/streams/publisher.ts';
import { Registry } from '../../server/streams/registry.ts';
import type { Viewer } from '../../server/streams/viewer.ts';
import { WorkerPool } from '../../workers/media/pool.ts';
import { DTLS, rtpParameters } from '../helpers/client.ts';
import { freePorts } from '../helpers/server.ts';

let pool: WorkerPool;
let registry: Registry;
let rtpCapabilities: RtpCapabilities;
const logger = createLogger({ level: 'silent', format: 'json' });

beforeAll(async () => {
  pool = await WorkerPool.create({ media: (await config()).media, logger });
  rtpCapabilities = wireCapabilities(pool.rtpCapabilities);
});
afterAll(() => pool.close());
beforeEach(async () => {
  registry = new Registry({ config: await config(), pool, logger });
});

async function config() {
  return loadConfig({
    env: {
      PHAROS_MEDIA_WORKERS: '1',
      PHAROS_MEDIA_LISTEN_ADDRESSES: '127.0.0.1',
      PHAROS_MEDIA_PORT_BASE: String(await freePorts(1)),
    },
  });
}

async function live(id: string): Promise<Publisher> {
  const publisher = await registry.publish({ tracks: ['audio'], id, grant: 'test' });
  await publisher.connect(DTLS);
  await publisher.produce('audio', rtpParameters('opus'));
  return publisher;
}

const NOBODY = { limits: {}, onGrantEnd: () => () => {} };

/** Transports open in the worker process itself: what must not be left over. */
async function openTransports(): Promise<number> {
  const worker = pool.pick();
  if (!worker) throw new Error('no worker');
  return (await worker.router.dump()).transportIds.length;
}

function ends(of: Publisher | Viewer): unknown[][] {
  const seen: unknown[][] = [];
  of.on('ended', (...args: unknown[]) => seen.push(args));
  return seen;
}

test('a publisher that closes, twice: told once; its viewers wait; nothing is left in the worker', async () => {
  const publisher = await live('a');
  const { viewer } = await registry.watch('a', { rtpCapabilities });
  const [publisherEnds, viewerEnds] = [ends(publisher), ends(viewer)];
  publisher.close('stopped');
  publisher.close('publisher_left');
  publisher.parentClosed('server_closing');
  expect(publisherEnds).toEqual([['stopped']]);
  expect(viewerEnds).toEqual([['stopped', true]]);
  expect(await openTransports()).toBe(0);
  viewer.close();
  expect(registry.snapshot()).toMatchObject({ streams: 0, viewers: 0, waiting: 0 });
});

test('a viewer that closes, twice, watching or waiting: the stream forgets it, and its place is free', async () => {
  const publisher = await live('b');
  const watching = await registry.watch('b', { rtpCapabilities });
  const waiting = await registry.watch('nobody', { rtpCapabilities });
  expect(registry.snapshot()).toMatchObject({ streams: 1, viewers: 2, waiting: 1 });
  for (const { viewer } of [watching, waiting]) {
    viewer.close();
    viewer.close();
    viewer.parentClosed('server_closing');
  }
  expect(registry.snapshot()).toMatchObject({ streams: 1, viewers: 0, waiting: 0 });
  expect(await openTransports()).toBe(1);
  publisher.close('stopped');
});

test('the registry closes all, twice; nobody can come after', async () => {
  const publisher = await live('c');
  const { viewer } = await registry.watch('c', { rtpCapabilities });
  const waiting = await registry.watch('nobody', { rtpCapabilities });
  const seen = [ends(publisher), ends(viewer), ends(waiting.viewer)];
  registry.close();
  registry.close();
  expect(seen).toEqual([[['server_closing']], [['server_closing', false]], [['server_closing', false]]]);
  expect(await openTransports()).toBe(0);
  await expect(registry.publish({ tracks: ['audio'], grant: 'test' })).rejects.toMatchObject({
    code: 'server_closing',
  });
  await expect(registry.watch('c', { rtpCapabilities })).rejects.toMatchObject({ code: 'server_closing' });
});

test('closed in the middle of beginning to publish: refused, and nothing is left', async () => {
  const publishing = registry.publish({ tracks: ['audio'], id: 'd', grant: 'test' });
  registry.close();
  await expect(publishing).rejects.toMatchObject({ code: 'server_closing' });
  expect(await openTransports()).toBe(0);
});

test('the publisher leaves in the middle of a join: the viewer waits, and nothing is left', async () => {
  const publisher = await live('e');
  const joining = registry.watch('e', { rtpCapabilities });
  publisher.close('stopped');
  const { viewer, media } = await joining;
  expect(media).toBeUndefined();
  expect(viewer.waiting).toBe(true);
  expect(await openTransports()).toBe(0);
  await live('e');
  await expect.poll(() => viewer.waiting).toBe(false);
  registry.close();
});

test('everything closes in the middle of a join: the join is refused, and nothing is left', async () => {
  await live('f');
  const joining = registry.watch('f', { rtpCapabilities });
  registry.close();
  await expect(joining).rejects.toMatchObject({ code: 'stream_not_found' });
  expect(await openTransports()).toBe(0);
});

test('a stream that ends while many wait to be attached leaves them waiting', async () => {
  const viewers = await Promise.all(
    Array.from({ length: 40 }, () => registry.watch('g', { rtpCapabilities })),
  );
  const publisher = await live('g');
  publisher.close('stopped');
  await expect.poll(() => viewers.every(({ viewer }) => viewer.waiting)).toBe(true);
  await expect.poll(openTransports).toBe(0);
  expect(registry.snapshot().waiting).toBe(40);
  registry.close();
});

test('a probe that closes, twice, and one whose grant or worker ends: nothing is left, and there is room again', async () => {
  const closed = await registry.probe(NOBODY);
  const told = ended(closed);
  await closed.connect(DTLS);
  closed.close();
  closed.close();
  expect(told).toEqual([]);

  let end = () => {};
  const onGrantEnd: Grant['onEnd'] = (listener) => {
    end = () => listener('expired');
    return () => {};
  };
  const revoked = await registry.probe({ limits: {}, onGrantEnd });
  revoked.holdGrant();
  const toldRevoked = ended(revoked);
  end();
  end();
  expect(toldRevoked).toEqual(['not_allowed']);
  await expect.poll(openTransports).toBe(0);
  expect(revoked.closed).toBe(true);
});

test('a probe ends by itself when its time is over, and gives its place back', async () => {
  const places = new Slots(1);
  const context = { config: await config(), pool };
  const probe = await Probe.create({ ...NOBODY, context, places, lifetime: 50 });
  const told = ended(probe);
  await expect(Probe.create({ ...NOBODY, context, places })).rejects.toMatchObject({ code: 'server_full' });
  await expect.poll(() => told).toEqual(['over_limit']);
  expect(places.taken).toBe(0);
  await expect.poll(openTransports).toBe(0);
});

function ended(probe: Probe): string[] {
  const seen: string[] = [];
  probe.on('ended', (reason) => seen.push(reason));
  return seen;
}
