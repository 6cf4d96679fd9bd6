/** Cameras that die, freeze, or lose time or sound: what is pulled anew, and what goes on. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { CameraApi, ffmpegOf } from '../helpers/camera-api.ts';
import { camera, pharos, play } from '../helpers/cameras.ts';
import { watch } from '../helpers/client.ts';
import { watchPackets } from '../helpers/live.ts';
import { scrape } from '../helpers/metrics.ts';
import type { RtspServer } from '../helpers/rtsp-server.ts';
import type { TestServer } from '../helpers/server.ts';

describe('a camera that fails', () => {
  async function live(rtsp: RtspServer, path = 'baseline+pcmu'): Promise<TestServer> {
    const server = await pharos({
      PHAROS_CAMERAS: JSON.stringify([{ stream: 'door', url: rtsp.url(path), onDemand: false }]),
    });
    await server.record('camera live');
    return server;
  }

  const again = (server: TestServer, times = 2) =>
    expect.poll(() => server.records('camera live').length, { timeout: 20_000 }).toBe(times);

  test('and is killed plays again when it is back, to the same viewer', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    const { client, answer } = await watch(server.wsUrl, 'door');
    expect(answer.state).toBe('live');
    await rtsp.stop();
    expect(await client.event('away')).toMatchObject({ reason: 'media_lost' });
    expect(await client.event('notice')).toMatchObject({ notice: { code: 'source_unreachable' } });
    await expect
      .poll(async () => (await new CameraApi(server).get('door')).error, { timeout: 10_000 })
      .toContain('refuses connections on this port');
    await camera(['baseline+pcmu'], { port: rtsp.port });
    expect((await client.event('tracks')).consumers).toHaveLength(2);
    await again(server);
    const { picture, sound } = await play(server, 'door', { video: true, audio: true });
    expect(picture?.errors).toEqual([]);
    expect(sound?.errors).toEqual([]);
  });

  test('and freezes, connections open, is pulled anew', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    const pid = server.process.pid ?? 0;
    const [before] = ffmpegOf(pid);
    const frozen = performance.now();
    rtsp.suspend();
    await server.record('camera retrying', { error: 'the camera has sent nothing for 5 s' });
    expect(performance.now() - frozen).toBeLessThan(7500);
    expect((await scrape(server.url)).value('pharos_cameras', { state: 'retrying' })).toBe(1);
    rtsp.resume();
    await again(server);
    const { value } = await scrape(server.url);
    expect(value('pharos_ffmpeg_restarts_total', { purpose: 'camera' })).toBe(1);
    expect(value('pharos_joins_total', { kind: 'publish', protocol: 'rtp' })).toBe(2);
    expect(value('pharos_publishers', { protocol: 'rtp' })).toBe(1);
    expect(value('pharos_cameras', { state: 'live' })).toBe(1);
    await expect.poll(() => ffmpegOf(pid), { timeout: 5000 }).toHaveLength(1);
    expect(ffmpegOf(pid)[0]?.pid).not.toBe(before?.pid);
  });

  test('and whose picture stands while its sound goes on is pulled anew', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    rtsp.freeze('video');
    await server.record('camera retrying', { error: 'the camera has sent nothing for 5 s' });
    rtsp.thaw('video');
    await again(server);
  });

  test('and whose sound ceases goes on', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    rtsp.freeze('audio');
    const viewer = await watchPackets(server.url, 'door');
    await viewer.seconds('video', 8);
    await viewer.stop();
    expect(server.records('camera retrying')).toHaveLength(0);
  });

  test('and whose clock is set back is pulled anew', async () => {
    // GStreamer begins its time anew for all when another client comes.
    const rtsp = await camera(['baseline'], { shared: true });
    const server = await live(rtsp, 'baseline');
    const viewer = await watchPackets(server.url, 'door');
    await viewer.seconds('video', 3);
    await viewer.stop();
    execFileSync('ffprobe', ['-v', 'error', '-rtsp_transport', 'tcp', rtsp.url('baseline')]);
    await server.record('camera retrying', { error: "the camera's clock jumped" });
    await again(server);
  });

  test('because its media worker died plays again on the next one', async () => {
    const rtsp = await camera(['baseline+pcmu']);
    const server = await live(rtsp);
    for (const { pid } of server.records('media worker up')) process.kill(Number(pid), 'SIGKILL');
    await server.record('camera retrying', { error: 'the media worker failed; it begins again' });
    await again(server);
    const { picture } = await play(server, 'door', { video: true, audio: false });
    expect(picture?.errors).toEqual([]);
  });

  test('does not disturb another stream', async () => {
    const [one, other] = await Promise.all([camera(['baseline']), camera(['baseline'])]);
    const server = await pharos({
      PHAROS_CAMERAS: JSON.stringify([
        { stream: 'one', url: one.url('baseline'), onDemand: false },
        { stream: 'other', url: other.url('baseline'), onDemand: false },
      ]),
    });
    await server.record('camera live', { streamId: 'one' });
    await server.record('camera live', { streamId: 'other' });
    const viewer = await watchPackets(server.url, 'other');
    await viewer.seconds('video', 1);
    await one.stop();
    await server.record('camera retrying', { streamId: 'one' });
    viewer.of.video.length = 0;
    await viewer.seconds('video', 2);
    await viewer.stop();
    expect(server.records('camera retrying').every(({ streamId }) => streamId === 'one')).toBe(true);
  });
});
