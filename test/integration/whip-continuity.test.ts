/** What becomes of a WHIP session whose client dies, comes back, or sends what disturbs viewers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postOffer } from '../../tools/lib/resource.ts';
import { TestClient } from '../helpers/client.ts';
import { publishCommand, publishMedia, watchPackets } from '../helpers/live.ts';
import { media } from '../helpers/media.ts';
import { publishOffer } from '../helpers/sdp.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { publishByGstreamer } from '../helpers/whip-gst.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ PHAROS_MEDIA_ICE_CONSENT_TIMEOUT: 10 });
});
afterAll(() => server.stop());

/** `npm run publish`, live; what a test does to it is done to its process. */
async function encoder(stream: string) {
  const command = publishCommand([
    await media('h264'),
    '--stream',
    stream,
    '--loop',
    '--copy',
    '--url',
    server.url,
  ]);
  await command.printed('/watch/');
  await server.record('stream live', { streamId: stream });
  return command;
}

describe('an encoder that is killed', () => {
  test('and started again takes its stream over at once', async () => {
    const first = await encoder('again');
    const viewer = await watchPackets(server.url, 'again');
    await viewer.seconds('video', 0.5);
    first.process.kill('SIGKILL');
    await first.exit;
    const began = performance.now();
    const second = publishCommand([
      await media('h264'),
      '--stream',
      'again',
      '--loop',
      '--copy',
      '--url',
      server.url,
    ]);
    await server.record('stream interrupted', { streamId: 'again', reason: 'taken_over' });
    await expect
      .poll(() => server.records('stream live').filter(({ streamId }) => streamId === 'again'))
      .toHaveLength(2);
    // Well before its ICE consent runs out.
    expect(performance.now() - began).toBeLessThan(5000);
    const next = await watchPackets(server.url, 'again');
    await next.seconds('video', 0.5);
    await Promise.all([viewer.stop(), next.stop()]);
    second.process.kill('SIGINT');
    expect(await second.exit).toBe(130);
    await server.record('stream ended', { streamId: 'again', reason: 'stopped' });
  });

  test('and stays away is noticed by its silence', { timeout: 60_000 }, async () => {
    const command = await encoder('silent');
    command.process.kill('SIGKILL');
    await command.exit;
    const killed = performance.now();
    await server.record('stream interrupted', { streamId: 'silent', reason: 'media_lost' });
    expect(performance.now() - killed).toBeGreaterThan(8000);
  });
});

test('one that is alive is not taken over, not even by the same grant', async () => {
  const live = await publishMedia(server.url, 'alive', 'h264');
  const url = new URL(`${server.url}/whip/alive`);
  await expect(postOffer(url, publishOffer())).rejects.toMatchObject({ status: 409, code: 'stream_in_use' });
  const viewer = await watchPackets(server.url, 'alive');
  await viewer.seconds('video', 0.5);
  await viewer.stop();
  await live.stop();
});

test('a page takes over from a silent encoder of the same grant, and is taken over by it', async () => {
  const { url: old } = await postOffer(new URL(`${server.url}/whip/both`), publishOffer());
  const page = await TestClient.connect(server.wsUrl);
  // Its media never comes: after the time that a session has to come up it counts as dead.
  await expect
    .poll(() => page.request('publish', { stream: 'both', tracks: ['audio'] }).then(() => 'live', String), {
      timeout: 10_000,
      interval: 500,
    })
    .toBe('live');
  expect((await fetch(old, { method: 'DELETE' })).status).toBe(404);
  await page.close();
});

test('one that never checks ICE consent goes on: GStreamer with libnice', { timeout: 60_000 }, async () => {
  const gstreamer = await publishByGstreamer(`${server.url}/whip/gstreamer`, { video: 'VP8' });
  const viewer = await watchPackets(server.url, 'gstreamer');
  // Well beyond the time after which consent would have run out.
  await viewer.seconds('audio', 16);
  expect(server.records('stream ended').filter(({ streamId }) => streamId === 'gstreamer')).toEqual([]);
  await viewer.stop();
  await gstreamer.stop();
});

describe('what disturbs viewers is told once, to the log and to who may publish', () => {
  test('B-frames', async () => {
    const live = await publishMedia(server.url, 'b-frames', 'h264-b-frames');
    const record = await server.record('stream trouble', { streamId: 'b-frames' });
    expect(record).toMatchObject({ notice: 'b_frames', level: 40 });
    const status = await (await fetch(`${server.url}/api/streams/b-frames`)).json();
    expect(status).toMatchObject({
      notices: [{ code: 'b_frames', message: expect.stringContaining('B-frames') }],
    });
    await live.stop();
  });

  test('H.264 without parameter sets in the stream', async () => {
    const live = await publishMedia(server.url, 'no-sets', 'h264', {
      copyFilter: 'filter_units=remove_types=7-8',
    });
    expect(await server.record('stream trouble', { streamId: 'no-sets' })).toMatchObject({
      notice: 'parameter_sets',
    });
    await live.stop();
  });

  test('nothing is said of a good one', async () => {
    const live = await publishMedia(server.url, 'good', 'h264');
    const viewer = await watchPackets(server.url, 'good');
    await viewer.seconds('video', 6);
    expect(server.records('stream trouble').filter(({ streamId }) => streamId === 'good')).toEqual([]);
    await viewer.stop();
    await live.stop();
  });
});
