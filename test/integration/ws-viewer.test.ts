import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WsViewer, type WsViewerOptions } from '../../tools/lib/ws-viewer.ts';
import type { MediaName } from '../helpers/media.ts';
import { type Live, publishMedia } from '../helpers/publish-media.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function publish(stream: string, name: MediaName): Promise<Live> {
  const live = await publishMedia(server.url, stream, name);
  cleanups.push(() => live.stop());
  return live;
}

function watch(stream: string, more: Partial<WsViewerOptions> = {}) {
  const packets = { audio: 0, video: 0 };
  const happened: string[] = [];
  const viewer = new WsViewer({
    url: new URL(server.wsUrl),
    stream,
    onPacket: (kind) => packets[kind]++,
    onLive: () => happened.push('live'),
    onEnded: (reason) => happened.push(reason),
    ...more,
  });
  cleanups.push(() => viewer.close());
  const media = async () => {
    const before = { ...packets };
    await expect.poll(() => packets.audio, { timeout: 10_000 }).toBeGreaterThan(before.audio + 20);
    await expect.poll(() => packets.video, { timeout: 10_000 }).toBeGreaterThan(before.video + 20);
  };
  return { viewer, packets, happened, media };
}

test('waits, watches, waits again and watches what comes then', async () => {
  const { viewer, happened, media } = watch('again');
  expect(await viewer.open()).toBe('waiting');
  expect(viewer.liveAt).toBeUndefined();
  const first = await publish('again', 'h264');
  await viewer.connected();
  await media();
  await first.stop();
  await expect.poll(() => happened).toEqual(['live', 'stopped']);
  await publish('again', 'vp8');
  await media();
  expect(happened).toEqual(['live', 'stopped', 'live']);
  const { openedAt, askedAt, answeredAt, liveAt, connectedAt } = viewer;
  const times = [openedAt, askedAt, answeredAt, liveAt, connectedAt].map((time) => time ?? Number.NaN);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('is live at once where the stream is; without media it only notes it', async () => {
  await publish('now', 'h264');
  const { viewer, media } = watch('now');
  expect(await viewer.open()).toBe('live');
  expect(viewer.connectedAt).toBeGreaterThan(viewer.askedAt ?? Number.NaN);
  const { viewer: other, packets, happened } = watch('now', { acceptMedia: false });
  expect(await other.open()).toBe('live');
  await media();
  expect(other).toMatchObject({ liveAt: expect.any(Number), connectedAt: undefined });
  expect(happened).toEqual(['live']);
  expect(packets).toEqual({ audio: 0, video: 0 });
});

test('what the server refuses, and that it closes', async () => {
  await expect(watch('a b').viewer.open()).rejects.toMatchObject({ code: 'bad_request' });
  const strict = await startServer({ PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS: 1 });
  cleanups.push(() => strict.stop());
  const url = new URL(strict.wsUrl);
  const { viewer, happened } = watch('x', { url });
  expect(await viewer.open()).toBe('waiting');
  await expect(watch('x', { url }).viewer.open()).rejects.toMatchObject({ code: 'too_many_requests' });
  await strict.stop();
  await expect.poll(() => happened).toEqual(['server_closing']);
  await expect(viewer.connected()).rejects.toThrow();
});
