/** The player in pages of other origins: in a frame, and as <pharos-player>. */
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, FrameLocator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, publish } from '../helpers/browser.ts';
import { type ForeignPage, startForeignPage } from '../helpers/foreign-page.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

type Heard = { type: string; [name: string]: unknown };
type PharosPlayer = HTMLElement & {
  src: string;
  autoplay: boolean;
  muted: boolean;
  volume: number;
  readonly paused: boolean;
  readonly state: string;
  readonly viewers: number;
  pause(): void;
};
declare global {
  interface Window {
    heard: Heard[];
  }
  interface HTMLElementTagNameMap {
    'pharos-player': PharosPlayer;
  }
}

const STREAM = 'framed';
let foreign: ForeignPage;
let stranger: ForeignPage;
let server: TestServer;
let browser: Browser;
let context: BrowserContext;
beforeAll(async () => {
  [foreign, stranger] = await Promise.all([startForeignPage(), startForeignPage()]);
  server = await startServer({
    PHAROS_HTTP_ALLOWED_ORIGINS: foreign.origin,
    PHAROS_HTTP_FRAME_ANCESTORS: foreign.origin,
  });
  browser = await launchBrowser();
  context = await browser.newContext();
  await publish(context, server.url, { stream: STREAM, resolution: '360' });
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([server, foreign, stranger].map((each) => each?.stop()));
});

/** Opens a page with this in it; it keeps what it hears from the frame. */
async function open(page: ForeignPage, body: string): Promise<Page> {
  const opened = await context.newPage();
  await opened.addInitScript(() => {
    window.heard = [];
    addEventListener('message', ({ data }: MessageEvent<Heard & { pharos?: number }>) => {
      if (data.pharos === 1) window.heard.push(data);
    });
    // Its events do not bubble; but whoever captures hears them first.
    const onError = (event: Event) => {
      if (event instanceof CustomEvent) window.heard.push({ type: 'error', ...event.detail });
    };
    document.addEventListener('error', onError, true);
  });
  page.show(body);
  await opened.goto(page.origin);
  return opened;
}

const frame = (query = '') =>
  `<iframe src="${server.url}/embed/${STREAM}${query}" allow="autoplay; fullscreen; picture-in-picture" width="640" height="360"></iframe>`;
const say = (page: Page, message: Record<string, unknown>) =>
  page.evaluate((data) => {
    window.frames[0]?.postMessage(data, '*');
  }, message);
/** Waits until the page has heard this. */
const hears = (page: Page, expected: Record<string, unknown>) =>
  expect
    .poll(() => page.evaluate(() => window.heard), { timeout: 20_000 })
    .toContainEqual(expect.objectContaining(expected));
const forget = (page: Page) =>
  page.evaluate(() => {
    window.heard = [];
  });
const plays = (player: FrameLocator | Page, count = 10) =>
  expect
    .poll(
      () =>
        player
          .locator('video#player')
          .evaluate((video: HTMLVideoElement) => video.getVideoPlaybackQuality().totalVideoFrames),
      { timeout: 20_000 },
    )
    .toBeGreaterThan(count);

describe('in a frame', () => {
  test('it plays, tells of itself, and does what the page around says', async () => {
    const page = await open(foreign, frame('?muted=1'));
    const player = page.frameLocator('iframe');
    await plays(player);
    await hears(page, { type: 'ready' });
    await hears(page, { type: 'state', state: 'live' });
    await hears(page, { type: 'playing', playing: true });
    await hears(page, { type: 'viewers', viewers: expect.any(Number) });
    await hears(page, { type: 'volume', muted: true });
    await forget(page);
    await say(page, { pharos: 1, type: 'setVolume', volume: 0.3 });
    await hears(page, { type: 'volume', volume: 0.3, muted: false });
    await say(page, { pharos: 1, type: 'mute' });
    await hears(page, { type: 'volume', volume: 0.3, muted: true });
    await say(page, { pharos: 1, type: 'pause' });
    await hears(page, { type: 'playing', playing: false });
    await say(page, { pharos: 1, type: 'setQuality', quality: 'audio' });
    await hears(page, { type: 'quality', quality: 'audio' });
    await player.getByText('The picture is off').waitFor();
    await say(page, { pharos: 1, type: 'stop' });
    await hears(page, { type: 'state', state: 'idle' });
    await say(page, { pharos: 1, type: 'setQuality', quality: 'auto' });
    await forget(page);
    await say(page, { pharos: 1, type: 'play' });
    await hears(page, { type: 'playing', playing: true });
    await page.close();
  });

  test('what is no command does nothing; nor does one from another page than the one around', async () => {
    const page = await open(foreign, `${frame('?muted=1')}<iframe srcdoc="<p>another"></iframe>`);
    await plays(page.frameLocator('iframe').first());
    await forget(page);
    for (const bad of [
      { pharos: 1, type: 'eval' },
      { pharos: 1, type: 'setVolume', volume: 7 },
      { pharos: 2, type: 'pause' },
      { type: 'pause' },
      { pharos: 1, type: 'pause', more: 1 },
    ])
      await say(page, bad);
    // A frame beside it, of the same origin as the page around.
    await page.evaluate(() => {
      const sibling = window.frames[1]?.document;
      const script = sibling?.createElement('script');
      if (!sibling || !script) throw new Error('no sibling');
      script.textContent = "parent.frames[0].postMessage({ pharos: 1, type: 'pause' }, '*')";
      sibling.body.append(script);
    });
    // Messages come in order: when this one is answered, those before were heard.
    await say(page, { pharos: 1, type: 'getState' });
    await hears(page, { type: 'state', state: 'live' });
    const heard = await page.evaluate(() => window.heard);
    expect(heard).toContainEqual(expect.objectContaining({ type: 'playing', playing: true }));
    expect(heard).not.toContainEqual(expect.objectContaining({ type: 'playing', playing: false }));
    await page.close();
  });

  test('with ?origin= only pages of that origin drive it, and hear of it', async () => {
    const page = await open(foreign, frame(`?muted=1&origin=${encodeURIComponent(stranger.origin)}`));
    const player = page.frameLocator('iframe');
    await plays(player);
    await say(page, { pharos: 1, type: 'pause' });
    await plays(player, 40);
    expect(await page.evaluate(() => window.heard)).toEqual([]);
    await page.close();
  });

  test('autoplay=0 waits for a click, with a poster; controls=0 has none', async () => {
    const page = await open(foreign, frame('?autoplay=0&controls=0&muted=1'));
    const player = page.frameLocator('iframe');
    await player.locator('#poster').waitFor();
    await hears(page, { type: 'state', state: 'idle' });
    await player.getByRole('button', { name: 'Play' }).click();
    await plays(player);
    expect(await player.getByRole('toolbar').count()).toBe(0);
    await page.close();
  });

  test('only pages that the configuration names may show it, and the other pages nobody', async () => {
    const of = async (path: string) => (await fetch(server.url + path)).headers;
    const embed = await of('/embed/x');
    expect(embed.get('content-security-policy')).toContain(`frame-ancestors ${foreign.origin};`);
    expect(embed.get('x-frame-options')).toBeNull();
    expect(embed.get('permissions-policy')).toContain('camera=()');
    const watch = await of('/watch/x');
    expect(watch.get('content-security-policy')).toContain("frame-ancestors 'self';");
    expect(watch.get('x-frame-options')).toBe('SAMEORIGIN');
    const page = await open(stranger, frame());
    await expect
      .poll(() => page.frames().map((each) => each.url()))
      .toContainEqual(expect.stringContaining('chrome-error:'));
    await page.close();
  });
});

describe('<pharos-player>', () => {
  const element = (attributes: string) =>
    `<script type="module" src="${server.url}/pharos-player.js"></script>
     <pharos-player id="it" src="${server.url}/watch/${STREAM}" ${attributes} style="width: 640px"></pharos-player>`;

  test('is one file, for every origin, of less than 120 kB', async () => {
    const response = await fetch(`${server.url}/pharos-player.js`);
    const source = await response.text();
    const size = gzipSync(source).length;
    console.info(`pharos-player.js: ${(size / 1000).toFixed(1)} kB gzipped`);
    expect(size).toBeLessThan(120_000);
    expect(source).not.toMatch(/\bimport\s*\(|\bfrom\s*["']/);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  });

  test('plays in a page of an allowed origin, by attributes, properties and events', async () => {
    const page = await open(foreign, element('autoplay muted controls'));
    await plays(page);
    const state = () =>
      page.evaluate(() => {
        const it = document.querySelector('pharos-player');
        return { state: it?.state, paused: it?.paused, muted: it?.muted, viewers: it?.viewers };
      });
    await expect.poll(state).toMatchObject({ state: 'live', paused: false, muted: true });
    expect((await state()).viewers).toBeGreaterThan(0);
    const volume = page.evaluate(
      () =>
        new Promise<unknown>((resolve) => {
          const it = document.querySelector('pharos-player');
          it?.addEventListener('volume', (event) => resolve((event as CustomEvent<unknown>).detail));
          if (it) it.volume = 0.4;
        }),
    );
    expect(await volume).toEqual({ volume: 0.4, muted: false });
    await page.evaluate(() => document.querySelector('pharos-player')?.pause());
    await expect.poll(async () => (await state()).paused).toBe(true);
    // Keys are the page's as long as the focus is elsewhere.
    await page.keyboard.press('k');
    expect((await state()).paused).toBe(true);
    await page.locator('#settings').focus();
    await page.keyboard.press('k');
    await expect.poll(async () => (await state()).paused).toBe(false);
    await page.keyboard.press('i');
    await page.locator('#graph canvas').waitFor({ timeout: 20_000 });
    await page.evaluate(() => document.querySelector('pharos-player')?.remove());
    await page.close();
  });

  test('in a page of an origin that is not named it cannot reach the server, and says so', async () => {
    const page = await open(stranger, element('autoplay muted'));
    await hears(page, { type: 'error', code: 'connection_lost', fatal: false });
    await page.getByText('Trying again').waitFor();
    await page.close();
  });

  test('without autoplay it waits for a click; a changed src is another stream', async () => {
    const page = await open(foreign, element('muted'));
    await page.locator('#poster').waitFor();
    await page.getByRole('button', { name: 'Play' }).click();
    await plays(page);
    await page.evaluate(() => {
      const it = document.querySelector('pharos-player');
      if (!it) return;
      it.autoplay = true;
      it.src = it.src.replace(/[^/]*$/, 'another');
    });
    await page.getByText('Waiting for the stream to start').waitFor();
    await page.close();
  });
});
