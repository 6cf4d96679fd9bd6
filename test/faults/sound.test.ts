/**
 * Sound over a publisher's lossy uplink. From our pages lost packets are asked for again (NACK); from a WHIP
 * client that knows none of that, Opus tells of what was lost in what follows it (in-band FEC, RFC 6716, 2.1.7).
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { openLib } from '../helpers/lib-page.ts';
import { type Host, Network, noNetworks, startServerIn } from '../helpers/netns.ts';
import type { TestServer } from '../helpers/server.ts';

const why = noNetworks();
if (why) console.warn(`LEFT OUT, the test of sound over a lossy uplink: ${why}`);

const LOSS = 0.15;

describe.runIf(why === undefined)('sound over a lossy uplink', () => {
  let network: Network;
  let server: TestServer;
  let studio: Host;
  const pages: Record<string, { publisher: Page; viewer: Page }> = {};
  const browsers: Browser[] = [];

  beforeAll(async () => {
    network = Network.create();
    const started = await startServerIn(network);
    const { url } = started;
    server = started.server;
    studio = network.host('studio');
    const autoplay = '--autoplay-policy=no-user-gesture-required';
    const here = await launchBrowser([autoplay]);
    browsers.push(here);
    const there = await studio.launchBrowser(url, [autoplay]);
    browsers.push(there);
    for (const [stream, publish] of [
      ['page', publishAsPage],
      ['whip', publishByWhip],
    ] as const) {
      const publisher = await openLib(there, url);
      await publisher.evaluate(publish, stream);
      const viewer = await openLib(here, url);
      await viewer.evaluate((id) => void window.lib.watch(id), stream);
      pages[stream] = { publisher, viewer };
    }
  }, 90_000);

  afterAll(async () => {
    for (const browser of browsers) await browser.close();
    await server?.stop();
    network?.close();
  });

  test('what is lost is sent again, or told of in what follows', async () => {
    const { page, whip } = pages;
    if (!page || !whip) throw new Error('no pages');
    for (const { viewer } of [page, whip])
      await expect.poll(async () => (await heard(viewer)).packets, { timeout: 30_000 }).toBeGreaterThan(50);
    const before = { page: await heard(page.viewer), whip: await heard(whip.viewer) };
    expect(before.whip.fec, 'told of without loss').toBe(0);
    studio.trouble('up', { loss: LOSS });
    await expect.poll(async () => (await heard(whip.viewer)).fec, { timeout: 40_000 }).toBeGreaterThan(20);
    await expect.poll(() => sentAgain(page.publisher), { timeout: 30_000 }).toBeGreaterThan(20);
    const after = { page: await heard(page.viewer), whip: await heard(whip.viewer) };
    console.info({ before, after, 'sent again by the page': await sentAgain(page.publisher) });
    for (const { fmtp } of [after.page, after.whip]) expect(fmtp).toContain('useinbandfec=1');
  }, 120_000);
});

async function publishAsPage(stream: string): Promise<void> {
  const video = { codec: 'VP8', height: 360, frameRate: 10, maxBitrate: 300_000 } as const;
  await window.lib.publish({ stream, audio: { stereo: false }, video }, { voice: true });
}

/** As a browser offers it by itself: without NACK for sound. */
async function publishByWhip(stream: string): Promise<void> {
  const peer = new RTCPeerConnection();
  peer.addTransceiver(window.lib.voice(), { direction: 'sendonly' });
  await peer.setLocalDescription();
  const response = await fetch(`/whip/${stream}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: peer.localDescription?.sdp ?? '',
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
}

type Heard = { packets: number; lost: number; fec: number; fmtp: string };

function heard(page: Page): Promise<Heard> {
  return page.evaluate(async () => {
    const stats = await window.viewer?.getStats();
    const sound = [...(stats?.values() ?? [])].find(
      ({ type, kind }) => type === 'inbound-rtp' && kind === 'audio',
    );
    return {
      packets: sound?.packetsReceived ?? 0,
      lost: sound?.packetsLost ?? 0,
      fec: sound?.fecPacketsReceived ?? 0,
      fmtp: stats?.get(sound?.codecId)?.sdpFmtpLine ?? '',
    };
  });
}

function sentAgain(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const stats = [...((await window.publisher?.getStats())?.values() ?? [])];
    const sound = stats.find(({ type, kind }) => type === 'outbound-rtp' && kind === 'audio');
    return sound?.retransmittedPacketsSent ?? 0;
  });
}
