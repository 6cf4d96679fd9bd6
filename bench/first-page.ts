/**
 * First frame of a watch page that is opened by its link, from the navigation on, over a slow and long link.
 * Everything goes over it, pages, scripts, WebSocket and media; the browser's cache is empty but in the row
 * that says otherwise. Linux, root: the link is made of TUN devices (test/helpers/slow-link.ts).
 *
 *   npm run bench -- first-page                      5 loads a row at 1.5 Mbit/s and 100 ms
 *   npm run bench -- first-page --rate 5000000 --round-trip 50 --loads 3 --start-bitrate 600000 --waterfall
 */
import { parseArgs } from 'node:util';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../test/helpers/browser.ts';
import { openLib, sentLayers } from '../test/helpers/lib-page.ts';
import { startServerIn } from '../test/helpers/netns.ts';
import { SlowLink } from '../test/helpers/slow-link.ts';
import { medians, type Rows, report, round } from './lib/figures.ts';

const { values } = parseArgs({
  options: {
    loads: { type: 'string', default: '5' },
    rate: { type: 'string', default: '1500000' },
    'round-trip': { type: 'string', default: '100' },
    'start-bitrate': { type: 'string' },
    height: { type: 'string', default: '720' },
    rows: { type: 'string', default: 'near,plain,compressed,cached' },
    waterfall: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const loads = Number(values.loads);
const height = Number(values.height);
const STREAM = 'first-page';
/** How long a player is looked at for freezes once it plays, in ms. */
const AFTER = 4000;

type Figures = {
  html: number;
  scripts: number;
  join: number;
  socket: number;
  answer: number;
  ice: number;
  'first frame': number;
  '720p': number;
  lines: number;
  gap: number;
  requests: number;
  kB: number;
};
type Measure = (browser: Browser) => Promise<Figures>;

const MEASURES: Readonly<Record<string, Measure>> = {
  near: (browser) => inContext(browser, {}, load),
  plain: (browser) => inContext(browser, { 'Accept-Encoding': 'identity' }, load),
  compressed: (browser) => inContext(browser, {}, load),
  cached: (browser) =>
    inContext(browser, {}, async (context) => {
      await load(context);
      return load(context);
    }),
};

const link = await SlowLink.create({ rate: Number(values.rate), delay: Number(values['round-trip']) / 2 });
const { server, url } = await startServerIn(
  link,
  values['start-bitrate'] ? { PHAROS_MEDIA_VIEWER_START_BITRATE: values['start-bitrate'] } : {},
);
const browsers: Browser[] = [];
try {
  const here = await launchBrowser([`--unsafely-treat-insecure-origin-as-secure=${url}`]);
  browsers.push(here);
  // As from a public site of today, whose browsers take brotli by TLS alone: here they take gzip.
  const there = await link.launchBrowser(url);
  browsers.push(there);
  const publisher = await publish(here);
  const measured: Rows = {};
  for (const row of values.rows.split(',')) {
    const browser = row === 'near' ? here : there;
    const all: Figures[] = [];
    for (let load = 0; load < loads; load++) all.push(await (MEASURES[row] ?? fail(row))(browser));
    measured[row] = figuresOf(all);
  }
  const sent = await sentLayers(publisher);
  report(
    `first frame from the navigation on, ${values.rate} bit/s, ${values['round-trip']} ms`,
    {
      'medians, in ms from the navigation on': measured,
      'what the publisher sends': Object.fromEntries(
        sent.map(({ height: lines, bitrate }, index) => [
          `size ${index}`,
          { height: lines, 'bit/s': bitrate },
        ]),
      ),
    },
    values.json,
  );
} finally {
  for (const browser of browsers) await browser.close();
  await server.stop();
  link.close();
}

async function publish(browser: Browser): Promise<Page> {
  const page = await openLib(browser, url);
  await page.evaluate(
    ([stream, height]) =>
      window.lib.publish(
        { stream, video: { codec: 'VP8', height, frameRate: 20, maxBitrate: 2_000_000 } },
        { picture: { width: (height * 16) / 9, height, frameRate: 12 } },
      ),
    [STREAM, height] as const,
  );
  // Until all sizes are there, joins would measure the publisher's start.
  while ((await sentLayers(page)).some((layer) => layer.height === 0)) await page.waitForTimeout(500);
  return page;
}

async function inContext(
  browser: Browser,
  headers: Record<string, string>,
  use: (context: BrowserContext) => Promise<Figures>,
): Promise<Figures> {
  const context = await browser.newContext({ extraHTTPHeaders: headers });
  try {
    await context.addInitScript(markMilestones);
    return await use(context);
  } finally {
    await context.close();
  }
}

async function load(context: BrowserContext): Promise<Figures> {
  const page = await context.newPage();
  await page.goto(`${url}/watch/${STREAM}`, { waitUntil: 'commit' });
  await page.waitForFunction(() => performance.getEntriesByName('pharos:first-frame').length > 0, null, {
    timeout: 60_000,
  });
  const shown = await page.evaluate(() => document.querySelector('video')?.videoHeight ?? 0);
  const full = await page
    .waitForFunction(
      (lines) => (document.querySelector('video')?.videoHeight ?? 0) >= lines && performance.now(),
      height,
      { timeout: 20_000 },
    )
    .then((handle) => handle.jsonValue())
    .catch(() => Number.NaN);
  const gap = await page.evaluate(longestGap, AFTER);
  const seen = await page.evaluate(() => {
    const at = (name: string) => performance.getEntriesByName(name)[0]?.startTime ?? Number.NaN;
    const [navigation] = performance.getEntriesByType('navigation');
    const resources = performance.getEntriesByType('resource').map((entry) => entry.toJSON());
    return {
      navigation: navigation?.toJSON(),
      resources,
      join: at('pharos:join'),
      socket: at('bench:welcome'),
      answer: at('bench:answer'),
      ice: at('bench:connected'),
      frame: at('pharos:first-frame'),
    };
  });
  await page.close();
  const { navigation, resources } = seen;
  const before = resources.filter(({ responseEnd }) => responseEnd > 0 && responseEnd < seen.frame);
  const scripts = before.filter(
    ({ name, responseEnd }) => name.includes('/assets/') && responseEnd <= seen.join,
  );
  if (values.waterfall) {
    for (const { name, startTime, responseStart, responseEnd, transferSize } of [navigation, ...resources]) {
      const times = [startTime, responseStart, responseEnd].map((time) =>
        String(Math.round(time)).padStart(6),
      );
      console.log(`${times.join(' ')}  ${String(transferSize).padStart(7)} B  ${new URL(name).pathname}`);
    }
  }
  return {
    html: navigation.responseEnd,
    scripts: Math.max(...scripts.map(({ responseEnd }) => responseEnd)),
    join: seen.join,
    socket: seen.socket,
    answer: seen.answer,
    ice: seen.ice,
    'first frame': seen.frame,
    '720p': full || Number.NaN,
    lines: shown,
    gap,
    requests: before.length + 1,
    kB: [navigation, ...before].reduce((sum, { transferSize }) => sum + transferSize, 0) / 1000,
  };
}

/** In the page: the longest time between two frames that are shown within the next while, in ms. */
function longestGap(during: number): Promise<number> {
  const video = document.querySelector('video');
  const from = performance.now();
  let last = from;
  let longest = 0;
  const look = (now: number) => {
    longest = Math.max(longest, now - last);
    last = now;
    video?.requestVideoFrameCallback(look);
  };
  video?.requestVideoFrameCallback(look);
  return new Promise((resolve) =>
    setTimeout(() => resolve(Math.max(longest, performance.now() - last)), during),
  );
}

/** In the page, before any of its scripts: marks what it cannot tell by itself. */
function markMilestones(): void {
  const once = (name: string) => {
    if (performance.getEntriesByName(name).length === 0) performance.mark(name);
  };
  window.WebSocket = class extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols);
      let messages = 0;
      this.addEventListener('message', () => {
        messages += 1;
        once(messages === 1 ? 'bench:welcome' : 'bench:answer');
      });
    }
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState === 'connected') once('bench:connected');
      });
    }
  };
}

function figuresOf(all: readonly Figures[]): Record<string, number> {
  const frames = all.map((figures) => figures['first frame']);
  const figures = {
    ...medians(all),
    least: Math.min(...frames),
    most: Math.max(...frames),
  };
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]));
}

function fail(row: string): never {
  throw new Error(`there is no row "${row}"; there are ${Object.keys(MEASURES).join(', ')}`);
}
