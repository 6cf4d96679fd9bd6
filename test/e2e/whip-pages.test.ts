/** WHIP and WHEP in a browser: the pages of docs/, which know no more than fetch and RTCPeerConnection, and ours. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { cleanup } from 'node-datachannel';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { framesAdvance, launchBrowser, openWatch, publish, received, status } from '../helpers/browser.ts';
import { decodeVideo } from '../helpers/decode.ts';
import { watchPackets } from '../helpers/live.ts';
import { TONES } from '../helpers/media.ts';
import { publishMedia } from '../helpers/publish-media.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let pages: Server;
let browser: Browser;
let context: BrowserContext;
const undo: (() => Promise<unknown>)[] = [];
const later = <T extends { stop(): Promise<unknown> }>(thing: T): T => {
  undo.push(() => thing.stop());
  return thing;
};

beforeAll(async () => {
  server = await startServer();
  // Another origin than the server's, as when somebody puts a player into a page of theirs.
  pages = createServer((request, response) => {
    const name = /^\/(whep-player|whip-publisher)\.html/.exec(request.url ?? '')?.[0];
    if (!name) return response.writeHead(404).end();
    response.setHeader('Content-Type', 'text/html');
    return response.end(readFileSync(join(import.meta.dirname, '../../docs', name)));
  }).listen(0, '127.0.0.1');
  await once(pages, 'listening');
  browser = await launchBrowser(['--autoplay-policy=no-user-gesture-required']);
});
afterAll(async () => {
  await browser?.close();
  pages?.close();
  await server?.stop();
  cleanup();
});
beforeEach(async () => {
  context = await browser.newContext();
});
afterEach(async () => {
  await context.close();
  for (const stop of undo.splice(0).reverse()) await stop();
});

async function openPage(name: 'whep-player' | 'whip-publisher', stream: string): Promise<Page> {
  const page = await context.newPage();
  const address = pages.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const endpoint = `${server.url}/${name.slice(0, 4)}/${stream}`;
  await page.goto(`http://localhost:${address.port}/${name}.html?endpoint=${encodeURIComponent(endpoint)}`);
  return page;
}

async function startPublisher(stream: string, { simulcast = false } = {}): Promise<Page> {
  const page = await openPage('whip-publisher', stream);
  if (simulcast) await page.check('#simulcast');
  await page.click('form button[type="submit"]');
  await says(page, 'connected');
  return page;
}

async function says(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (wanted) => document.querySelector('#status')?.textContent?.includes(wanted),
    text,
    { timeout: 20_000 },
  );
}

/** Frames are presented (not only received), one after the other. */
function plays(page: Page, count = 20): Promise<{ width: number; height: number }> {
  return page.evaluate(
    (wanted) =>
      new Promise<{ width: number; height: number }>((resolve, reject) => {
        const video = document.querySelector('video') as HTMLVideoElement;
        const timer = setTimeout(() => reject(new Error(`${seen} frames`)), 20_000);
        let seen = 0;
        const onFrame = () => {
          seen += 1;
          if (seen < wanted) return void video.requestVideoFrameCallback(onFrame);
          clearTimeout(timer);
          resolve({ width: video.videoWidth, height: video.videoHeight });
        };
        video.requestVideoFrameCallback(onFrame);
      }),
    count,
  );
}

/** The loudest frequencies left and right, in hertz, when both are heard. */
function tones(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const video = document.querySelector('video') as HTMLVideoElement;
    const audio = new AudioContext();
    const source = audio.createMediaStreamSource(video.srcObject as MediaStream);
    const splitter = source.connect(new ChannelSplitterNode(audio, { numberOfOutputs: 2 }));
    const analysers = [0, 1].map((channel) => {
      const analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0 });
      splitter.connect(analyser, channel);
      return analyser;
    });
    for (let tries = 0; tries < 200; tries++) {
      const peaks = analysers.map((analyser) => {
        const levels = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(levels);
        const highest = Math.max(...levels);
        if (highest < -50) return undefined;
        return (levels.indexOf(highest) * audio.sampleRate) / analyser.fftSize;
      });
      if (peaks.every((peak) => peak !== undefined)) return peaks;
      await new Promise(requestAnimationFrame);
    }
    return [];
  });
}

async function hearsTones(page: Page): Promise<void> {
  // The first moments come while the window of the analysis fills.
  await expect
    .poll(async () => (await tones(page)).map((frequency) => Math.round(frequency / 20)), { timeout: 15_000 })
    .toEqual([TONES.left, TONES.right].map((frequency) => Math.round(frequency / 20)));
}

describe('the watch page', () => {
  test.each([
    ['h264', 'H264'],
    ['vp8', 'VP8'],
  ] as const)('%s and stereo from libdatachannel', async (name, codec) => {
    later(await publishMedia(server.url, name, name));
    const viewer = await openWatch(context, `${server.url}/watch/${name}`);
    await status(viewer, 'live');
    await framesAdvance(viewer, 20);
    expect(await received(viewer)).toMatchObject({ codec: `video/${codec}`, width: 640, height: 360 });
    const unmute = viewer.locator('#unmute');
    if (await unmute.isVisible()) await unmute.click();
    await hearsTones(viewer);
  });

  test('sound alone', async () => {
    later(await publishMedia(server.url, 'radio', 'opus-only'));
    const viewer = await openWatch(context, `${server.url}/watch/radio`);
    await status(viewer, 'live');
    const unmute = viewer.locator('#unmute');
    if (await unmute.isVisible()) await unmute.click();
    await hearsTones(viewer);
  });
});

describe('docs/whep-player.html', () => {
  test('waits for the stream, plays in stereo, leaves with the page, comes back with the stream', async () => {
    const player = await openPage('whep-player', 'again');
    await says(player, 'Waiting');
    const first = await publishMedia(server.url, 'again', 'h264');
    undo.push(() => first.stop());
    expect(await plays(player)).toEqual({ width: 640, height: 360 });
    await hearsTones(player);

    await first.stop();
    await says(player, 'Waiting');
    later(await publishMedia(server.url, 'again', 'vp8'));
    await plays(player);

    const viewers = async () => (await fetch(`${server.url}/api/streams/again`)).json();
    expect(await viewers()).toMatchObject({ viewers: 1 });
    await player.goto('about:blank');
    await expect.poll(viewers, { timeout: 3_000 }).toMatchObject({ viewers: 0 });
  });

  test('a stream of the publish page', async () => {
    const { stream } = await publish(context, server.url, { resolution: '360' });
    await plays(await openPage('whep-player', stream));
  });
});

describe('docs/whip-publisher.html', () => {
  test('to the player, to a viewer by WebSocket and to libdatachannel; Stop ends it', async () => {
    const publisher = await startPublisher('camera');
    const player = await openPage('whep-player', 'camera');
    const watcher = await openWatch(context, `${server.url}/watch/camera`);
    const packets = later(await watchPackets(server.url, 'camera'));
    await Promise.all([plays(player), framesAdvance(watcher)]);
    const picture = await decodeVideo('VP8', await packets.seconds('video', 2));
    expect(picture.errors).toEqual([]);
    expect(picture.frames).toBeGreaterThan(15);
    await publisher.click('#stop');
    await server.record('stream ended', { streamId: 'camera', reason: 'stopped' });
    await status(watcher, 'ended');
  });

  test('simulcast: a viewer gets one quality, and a better one where there is room', async () => {
    const publisher = await startPublisher('layers', { simulcast: true });
    const player = await openPage('whep-player', 'layers');
    await plays(player);
    // How far up depends on what else this machine does: the browser encodes all of them.
    const height = () => player.evaluate(() => document.querySelector('video')?.videoHeight ?? 0);
    await expect.poll(height, { timeout: 30_000 }).toBeGreaterThanOrEqual(360);
    expect([360, 540, 720]).toContain(await height());
    expect(await publisher.locator('#status').textContent()).toBe('connected');
    await framesAdvance(await openWatch(context, `${server.url}/watch/layers`));
  });

  test('the reason of a refusal is shown', async () => {
    await startPublisher('taken');
    const second = await openPage('whip-publisher', 'taken');
    await second.click('form button[type="submit"]');
    await says(second, '409');
  });
});
