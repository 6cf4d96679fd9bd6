/**
 * Real Firefox with a fake camera and microphone. Playwright drives only a Firefox of its own making; the
 * one that is installed speaks WebDriver BiDi, and puppeteer speaks it too.
 */
import { type Browser, launch, type Page } from 'puppeteer-core';
import { findFirefox } from '../../scripts/setup/firefox.mjs';

export type { Browser, Page };

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  // The tests' servers are on 127.0.0.1, from where no browser gathers candidates by itself.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // Two pages in one browser: neither may be slowed down for not being in front.
  'dom.timeout.enable_budget_timer_throttling': false,
  'dom.min_background_timeout_value': 4,
  // Nothing is asked of the net: the tests run where there is none.
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.update.disabledForTesting': true,
  'media.gmp-manager.updateEnabled': false,
};

/**
 * Firefox takes H.264 for WebRTC from OpenH264, which it downloads, or from hardware, which it asks the
 * graphics driver about. Told that there is hardware, it decodes with the system's libavcodec. (Encoding that
 * way begins, with x264, and never sends a packet: Firefox 153.)
 */
export const DECODES_H264 = {
  'gfx.blacklist.webrtc.hw.acceleration.h264': 1,
  'media.webrtc.hw.h264.enabled': true,
  'media.navigator.mediadatadecoder_h264_enabled': true,
};

export function launchFirefox(preferences: Record<string, unknown> = {}): Promise<Browser> {
  const executablePath = findFirefox();
  if (!executablePath) throw new Error('no Firefox found; run "npm run setup test" or set PHAROS_FIREFOX');
  return launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    extraPrefsFirefox: { ...PREFERENCES, ...preferences },
    // The default of 800 x 600 is neither a phone's nor a desktop's.
    defaultViewport: { width: 1280, height: 800 },
  });
}

export async function openInFirefox(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url);
  return page;
}

export type FirefoxPublishes = { codec?: 'VP8' | 'H264'; resolution?: '360' | '720' };

/** Opens the publish page in Firefox and starts; without its H.264 encoder that cannot succeed. */
export async function publishByFirefox(
  browser: Browser,
  url: string,
  { codec = 'VP8', resolution = '360' }: FirefoxPublishes = {},
): Promise<{ page: Page; stream: string; link: string }> {
  const page = await openInFirefox(browser, `${url}/publish`);
  const stream = `firefox-${Date.now()}`;
  await page.locator('#stream').fill(stream);
  await page.select('#codec', codec);
  await page.select('#resolution', resolution);
  await page.waitForSelector('#start:enabled', { timeout: 20_000 });
  await page.click('#start');
  if (codec === 'VP8') await firefoxStatus(page, 'live');
  return { page, stream, link: `${url}/watch/${stream}` };
}

/** Waits until the page's status light is in this state (`data-state` of `#status`). */
export async function firefoxStatus(page: Page, state: string): Promise<void> {
  await page.waitForSelector(`#status[data-state="${state}"]`, { timeout: 20_000 });
}
