/** Real Chromium with a fake camera and microphone, and what tests ask of the two pages. */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/setup/chromium.mjs';

declare global {
  interface Window {
    /** The page's client, for tests and for people with the console open. */
    pharos?: { getStats(): Promise<RTCStatsReport | undefined> };
  }
}

/** Starts Chromium with `args` added to, and `without` taken from, what tests use. */
export async function launchBrowser(
  args: string[] = [],
  without: string[] = [],
  executablePath = findChromium(),
): Promise<Browser> {
  if (!executablePath) throw new Error('no Chromium found; run "npm run setup test" or set PHAROS_CHROMIUM');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      // Two pages in one browser: neither may be slowed down for not being in front.
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      ...args,
    ].filter((arg) => !without.includes(arg)),
  });
}

export type PublishOptions = {
  stream?: string;
  codec?: 'VP8' | 'H264';
  resolution?: '360' | '480' | '720' | '1080';
};

/** Opens the publish page and goes live; resolves with what the page shows. */
export async function publish(
  context: BrowserContext,
  url: string,
  options: PublishOptions = {},
): Promise<{ page: Page; stream: string; link: string }> {
  const page = await openPublish(context, url, options);
  await page.click('#start');
  await status(page, 'live');
  const stream = (await page.textContent('#stream-id'))?.trim() ?? '';
  const link = (await page.textContent('#watch-link'))?.trim() ?? '';
  return { page, stream, link };
}

/** The publish page with everything chosen, before Start. */
export async function openPublish(
  context: BrowserContext,
  url: string,
  { stream, codec = 'VP8', resolution = '720' }: PublishOptions = {},
): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/publish`);
  if (stream) await page.fill('#stream', stream);
  await page.selectOption('#codec', codec);
  await page.selectOption('#resolution', resolution);
  await page.waitForSelector('#start:enabled');
  return page;
}

export async function openWatch(context: BrowserContext, link: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(link);
  return page;
}

/** Waits until the page's status light is in this state (`data-state` of `#status`). */
export async function status(page: Page, state: string): Promise<void> {
  await page.waitForSelector(`#status[data-state="${state}"]`, { timeout: 20_000 });
}

export type Received = {
  frames: number;
  width: number;
  height: number;
  audioPackets: number;
  audioEnergy: number;
  codec: string;
  /** Of the ICE candidate pair in use. */
  protocol: string;
};

/** What the player has presented and received, from the element and from the peer connection's statistics. */
export function received(page: Page): Promise<Received> {
  return page.evaluate(async () => {
    const video = document.querySelector<HTMLVideoElement>('video#player');
    if (!video) throw new Error('no player');
    const stats = await window.pharos?.getStats();
    const found = { audioPackets: 0, audioEnergy: 0, codec: '', protocol: '' };
    for (const report of stats?.values() ?? []) {
      if (report.type === 'candidate-pair' && report.nominated) {
        found.protocol = stats?.get(report.remoteCandidateId)?.protocol ?? '';
      }
      // mediasoup-client's probator is a second, empty video.
      if (report.type !== 'inbound-rtp' || report.mid === 'probator') continue;
      if (report.kind === 'audio') {
        found.audioPackets = report.packetsReceived;
        found.audioEnergy = report.totalAudioEnergy;
      } else {
        found.codec = stats?.get(report.codecId)?.mimeType ?? '';
      }
    }
    return {
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      width: video.videoWidth,
      height: video.videoHeight,
      ...found,
    };
  });
}

/** Resolves when `count` further frames have been presented (HTMLVideoElement.requestVideoFrameCallback). */
export function framesAdvance(page: Page, count = 10): Promise<void> {
  return page.evaluate(
    (wanted) =>
      new Promise<void>((resolve, reject) => {
        const video = document.querySelector<HTMLVideoElement>('video#player');
        if (!video) return reject(new Error('no player'));
        const timer = setTimeout(() => reject(new Error('frames do not advance')), 20_000);
        let seen = 0;
        const onFrame = () => {
          seen += 1;
          if (seen < wanted) return video.requestVideoFrameCallback(onFrame);
          clearTimeout(timer);
          resolve();
        };
        video.requestVideoFrameCallback(onFrame);
      }),
    count,
  );
}
