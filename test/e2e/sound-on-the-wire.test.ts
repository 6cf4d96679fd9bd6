/** What `media.opus` and a publisher's wish for stereo make of the packets, seen from both ends' browsers. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { openLib } from '../helpers/lib-page.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/** An oscillator of 0 Hz. */
const SILENCE = 0;
const TONE = 440;

const OPUS = { PHAROS_MEDIA_OPUS_DTX: 'true', PHAROS_MEDIA_OPUS_FEC: 'true' };
const NONE = { PHAROS_MEDIA_OPUS_DTX: 'false', PHAROS_MEDIA_OPUS_FEC: 'false' };

let browser: Browser;
let server: TestServer | undefined;
beforeAll(async () => {
  browser = await launchBrowser(['--autoplay-policy=no-user-gesture-required']);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function start(settings: Record<string, string>): Promise<TestServer> {
  await server?.stop();
  server = await startServer({ PHAROS_MEDIA_WORKERS: 1, ...settings });
  return server;
}

async function publish(url: string, stream: string, tone: number, stereo = false): Promise<Page> {
  const page = await openLib(browser, url);
  await page.evaluate(
    ([stream, tone, stereo]) =>
      window.lib.publish(
        {
          stream,
          audio: { stereo },
          video: { codec: 'VP8', height: 360, frameRate: 10, maxBitrate: 300_000 },
        },
        { tones: [tone, tone] },
      ),
    [stream, tone, stereo] as const,
  );
  return page;
}

/** What the sound's codec is said to be, and within a second how many packets go and what they hold, in bit/s. */
function sent(page: Page): Promise<{ fmtp: string; packets: number; bitrate: number }> {
  return page.evaluate(async () => {
    const look = async () => {
      const stats = await window.publisher?.getStats();
      const sound = [...(stats?.values() ?? [])].find(
        ({ type, kind }) => type === 'outbound-rtp' && kind === 'audio',
      );
      return { sound, fmtp: stats?.get(sound?.codecId)?.sdpFmtpLine ?? '' };
    };
    const before = await look();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { sound, fmtp } = await look();
    const seconds = (sound.timestamp - before.sound.timestamp) / 1000;
    const grown = (name: string) => Math.round((sound[name] - before.sound[name]) / seconds);
    return { fmtp, packets: grown('packetsSent'), bitrate: 8 * grown('bytesSent') };
  });
}

/** The same at the viewer's. */
async function received(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const stats = await window.viewer?.getStats();
    const sound = [...(stats?.values() ?? [])].find(
      ({ type, kind }) => type === 'inbound-rtp' && kind === 'audio',
    );
    return stats?.get(sound?.codecId)?.sdpFmtpLine ?? '';
  });
}

test('in silence next to nothing is sent with dtx; of what is heard, everything', async () => {
  const { url } = await start(OPUS);
  const quiet = await publish(url, 'quiet', SILENCE);
  const loud = await publish(url, 'loud', TONE);
  await expect.poll(async () => (await sent(loud)).packets, { timeout: 30_000 }).toBeGreaterThan(35);
  await expect.poll(async () => (await sent(quiet)).packets, { timeout: 30_000 }).toBeLessThan(15);
  const figures = { loud: await sent(loud), quiet: await sent(quiet) };
  console.info(figures);
  expect(figures.quiet.fmtp.split(';')).toEqual(expect.arrayContaining(['usedtx=1', 'useinbandfec=1']));
  for (const page of [quiet, loud]) await page.context().close();
});

test('without dtx and fec silence costs what sound does, and neither is asked for', async () => {
  const { url } = await start(NONE);
  const quiet = await publish(url, 'quiet', SILENCE);
  await expect.poll(async () => (await sent(quiet)).packets, { timeout: 30_000 }).toBeGreaterThan(35);
  const { fmtp } = await sent(quiet);
  console.info(await sent(quiet));
  expect(fmtp).not.toContain('usedtx=1');
  expect(fmtp).not.toContain('useinbandfec=1');
  await quiet.context().close();
});

test.each([true, false])('stereo (%s) is said to both ends', async (stereo) => {
  const { url } = server ?? (await start(NONE));
  const publisher = await publish(url, `stereo-${stereo}`, TONE, stereo);
  const viewer = await openLib(browser, url);
  await viewer.evaluate((id) => void window.lib.watch(id), `stereo-${stereo}`);
  await expect.poll(() => received(viewer), { timeout: 30_000 }).not.toBe('');
  const said = { publisher: (await sent(publisher)).fmtp, viewer: await received(viewer) };
  console.info(said);
  // What a receiver prefers (RFC 7587, 6.1): said to the sender by its remote description.
  expect(said.publisher.split(';').includes('stereo=1')).toBe(stereo);
  for (const page of [viewer, publisher]) await page.context().close();
});
