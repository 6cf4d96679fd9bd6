import { afterEach, expect, test } from 'vitest';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { publishMedia } from '../helpers/live.ts';
import { scrape } from '../helpers/metrics.ts';
import { startServer } from '../helpers/server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test('a publisher that sends more than it may is told, then ended; one that keeps to it goes on', async () => {
  const server = await startServer({
    PHAROS_AUTH_PUBLISH: 'open',
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
    PHAROS_LIMITS_PUBLISHER_BITRATE: 200_000,
  });
  closing.push(() => server.stop());
  const loud = await publishMedia(server.url, 'loud', 'vp8');
  const quiet = await publishMedia(server.url, 'quiet', 'opus-only');
  closing.push(
    () => loud.stop(),
    () => quiet.stop(),
  );
  const told = await server.record('stream trouble', { streamId: 'loud', notice: 'over_limit' });
  const after = performance.now();
  expect(told.message).toMatch(/^\d+\.\d Mbit\/s are sent, of which 0\.2 are allowed/);
  await server.record('stream ended', { streamId: 'loud', reason: 'over_limit' });
  const ms = performance.now() - after;
  console.log(`ended ${Math.round(ms)} ms after it was told`);
  // Looks are 2 s apart.
  expect(ms).toBeGreaterThan(2000);
  expect(server.records('stream trouble')).toHaveLength(1);
  const { value } = await scrape(server.url);
  expect(value('pharos_streams_ended_total', { reason: 'over_limit' })).toBe(1);
  expect(value('pharos_streams')).toBe(1);
});
