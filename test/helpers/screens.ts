/** Every page in every state that people see: for the checks of accessibility and for the screenshots. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { framesAdvance, openPublish, publish, status } from './browser.ts';
import { ADMIN_KEY } from './camera-api.ts';
import type { TestServer } from './server.ts';

/** Settings of the server that the screens are of. */
export const SCREEN_SETTINGS = {
  PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
  PHAROS_AUTH_PRIVATE: 'private-*',
  PHAROS_RECORDINGS_MIN_FREE: 0,
};

export const STREAM = 'waves';

/** A server with a live stream and a recording, and a browser to look at it. */
export class Stage {
  readonly url: string;
  readonly browser: Browser;
  readonly #contexts: BrowserContext[] = [];

  constructor(server: TestServer, browser: Browser) {
    this.url = server.url;
    this.browser = browser;
  }

  /** Without what another page has stored. */
  async context(): Promise<BrowserContext> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 } });
    this.#contexts.push(context);
    return context;
  }

  async page(path: string, prepare: (page: Page) => Promise<unknown> = async () => {}): Promise<Page> {
    const page = await (await this.context()).newPage();
    await prepare(page);
    await page.goto(`${this.url}${path}`);
    return page;
  }

  /** What is open, but for `kept`: each page that plays costs. */
  async clear(kept: readonly BrowserContext[] = []): Promise<void> {
    const rest = this.#contexts.splice(0).filter((context) => !kept.includes(context));
    await Promise.all(rest.map((context) => context.close()));
  }
}

export type Screen = {
  readonly name: string;
  readonly open: (stage: Stage) => Promise<Page>;
};

/** The stream that viewers watch, with a title; it stays while the other screens come and go. */
export async function goLive(stage: Stage): Promise<BrowserContext> {
  const context = await stage.context();
  const page = await openPublish(context, stage.url, { stream: STREAM, resolution: '480' });
  await page.fill('#title', 'Physics 1: waves');
  await page.click('#start');
  await status(page, 'live');
  await page.click('#record');
  await page.waitForFunction(() => /[1-9]/.test(document.querySelector('#record-facts')?.textContent ?? ''));
  await page.click('#record');
  await page.waitForSelector('#record-facts', { state: 'detached' });
  return context;
}

async function watching(stage: Stage, path = `/watch/${STREAM}`): Promise<Page> {
  const page = await stage.page(path);
  await page.waitForSelector('#player[data-state="live"]');
  await framesAdvance(page, 5);
  await page.mouse.move(200, 200);
  return page;
}

async function menuOpen(stage: Stage): Promise<Page> {
  const page = await watching(stage);
  await page.keyboard.press('Tab');
  await page.click('#settings');
  await page.waitForSelector('#menu');
  return page;
}

async function publishing(stage: Stage): Promise<Page> {
  const { page } = await publish(await stage.context(), stage.url, {
    stream: 'live-page',
    resolution: '360',
  });
  await page.waitForSelector('#watch-link');
  return page;
}

async function administering(stage: Stage, path: string): Promise<Page> {
  const page = await stage.page(path);
  await page.fill('#admin-key', ADMIN_KEY);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#admin-key', { state: 'detached' });
  return page;
}

/** Everything that a page asks the browser for is refused by the person in front of it. */
const refuseCamera = (page: Page) =>
  page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  });

export const SCREENS: readonly Screen[] = [
  { name: 'home', open: (stage) => stage.page('/') },
  {
    name: 'publish-ready',
    open: async (stage) => openPublish(await stage.context(), stage.url),
  },
  {
    name: 'publish-no-camera',
    open: async (stage) => {
      const page = await stage.page('/publish', refuseCamera);
      await page.waitForSelector('[role="alert"]');
      return page;
    },
  },
  {
    name: 'publish-failed',
    open: async (stage) => {
      const page = await openPublish(await stage.context(), stage.url, { stream: STREAM });
      await page.click('#start');
      await status(page, 'failed');
      return page;
    },
  },
  {
    name: 'publish-checked',
    open: async (stage) => {
      const page = await openPublish(await stage.context(), stage.url);
      await page.click('#check');
      await page.waitForSelector('#check-verdict[data-light]');
      return page;
    },
  },
  { name: 'publish-live', open: publishing },
  {
    name: 'publish-studio',
    open: async (stage) => {
      const page = await publishing(stage);
      await page.click('#mute');
      await page.click('#share-screen');
      await page.waitForSelector('#sign-screen');
      await page.waitForSelector('#sent .figure');
      await page.click('#qr-toggle');
      await page.waitForSelector('#qr');
      return page;
    },
  },
  {
    name: 'publish-ended',
    open: async (stage) => {
      const page = await publishing(stage);
      await page.click('#stop');
      await status(page, 'ended');
      return page;
    },
  },
  { name: 'watch-choose', open: (stage) => stage.page('/watch') },
  {
    name: 'watch-impossible',
    open: (stage) => stage.page('/watch/no%20such%20id'),
  },
  {
    name: 'watch-waiting',
    open: async (stage) => {
      const page = await stage.page('/watch/nobody-yet');
      await status(page, 'waiting');
      return page;
    },
  },
  { name: 'watch-live', open: watching },
  { name: 'watch-menu', open: menuOpen },
  {
    name: 'watch-stats',
    open: async (stage) => {
      const page = await menuOpen(stage);
      await page.click('#menu-stats');
      await page.waitForSelector('#stats canvas');
      return page;
    },
  },
  {
    name: 'watch-help',
    open: async (stage) => {
      const page = await menuOpen(stage);
      await page.click('#menu-help');
      await page.waitForSelector('#help');
      return page;
    },
  },
  {
    name: 'watch-ended',
    open: async (stage) => {
      const publisher = await publishing(stage);
      const page = await watching(stage, '/watch/live-page');
      await publisher.click('#stop');
      await status(page, 'ended');
      return page;
    },
  },
  {
    name: 'watch-failed',
    open: async (stage) => {
      const page = await stage.page('/watch/private-lecture');
      await status(page, 'failed');
      return page;
    },
  },
  { name: 'embed-live', open: (stage) => watching(stage, `/embed/${STREAM}?autoplay=1&muted=1`) },
  { name: 'embed-start', open: (stage) => stage.page(`/embed/${STREAM}?autoplay=0`) },
  { name: 'recordings-locked', open: (stage) => stage.page('/recordings') },
  {
    name: 'recordings-wrong-key',
    open: async (stage) => {
      const page = await stage.page('/recordings');
      await page.fill('#admin-key', 'not-the-key-of-this-server');
      await page.keyboard.press('Enter');
      await page.waitForSelector('[role="alert"]');
      return page;
    },
  },
  {
    name: 'recordings-list',
    open: async (stage) => {
      const page = await administering(stage, '/recordings');
      await page.waitForSelector('.recording[data-state=done]');
      return page;
    },
  },
  { name: 'admin-locked', open: (stage) => stage.page('/admin') },
  {
    name: 'admin-live',
    open: async (stage) => {
      const page = await administering(stage, '/admin');
      await page.waitForSelector('.streams tbody tr');
      return page;
    },
  },
  {
    name: 'admin-stream',
    open: async (stage) => {
      const page = await administering(stage, `/admin#stream/${STREAM}`);
      await page.waitForSelector('#stop-stream');
      return page;
    },
  },
  ...(['cameras', 'recordings', 'grants', 'settings'] as const).map((tab) => ({
    name: `admin-${tab}`,
    open: async (stage: Stage) => {
      const page = await administering(stage, `/admin#${tab}`);
      await page.waitForSelector('nav [aria-current="page"]');
      await page.waitForSelector('h2');
      return page;
    },
  })),
  { name: 'api-docs', open: (stage) => stage.page('/api/docs') },
  { name: 'not-found', open: (stage) => stage.page('/no-such-page') },
];

export const LOOKS = [
  { name: 'desktop-light', colorScheme: 'light', width: 1280, height: 800 },
  { name: 'desktop-dark', colorScheme: 'dark', width: 1280, height: 800 },
  { name: 'phone-light', colorScheme: 'light', width: 375, height: 812 },
  { name: 'phone-dark', colorScheme: 'dark', width: 375, height: 812 },
] as const;

export async function look(
  page: Page,
  { colorScheme, width, height }: (typeof LOOKS)[number],
): Promise<void> {
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await page.setViewportSize({ width, height });
  // What the change made move has stopped, and what it measured is drawn.
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
}
