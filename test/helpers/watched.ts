/** A watch page under observation: how its picture goes on, and by how many peer connections. */
import type { Browser, Page } from 'playwright-core';

declare global {
  interface Window {
    observed?: { peers: number; frames: number; longestGap: number; lastAt: number };
  }
}

export type Watched = {
  page: Page;
  /** Peer connections that carried media, ever. */
  peers(): Promise<number>;
  /** Forgets what was seen so far. */
  reset(): Promise<void>;
  /** Frames presented since, and the longest time in ms without one, the present one included. */
  picture(): Promise<{ frames: number; longestGap: number }>;
};

/** Opens it in a window of its own: behind another page it would be drawn once a second. */
export async function watchClosely(browser: Browser, link: string): Promise<Watched> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(observe);
  await page.goto(link);
  return {
    page,
    peers: () => page.evaluate(() => window.observed?.peers ?? 0),
    reset: () =>
      page.evaluate(() => {
        Object.assign(window.observed ?? {}, { frames: 0, longestGap: 0, lastAt: performance.now() });
      }),
    picture: () =>
      page.evaluate(() => {
        const { frames = 0, longestGap = 0, lastAt = 0 } = window.observed ?? {};
        return { frames, longestGap: Math.max(performance.now() - lastAt, longestGap) };
      }),
  };
}

/** Runs in the page, before its own scripts. */
function observe(): void {
  const observed = { peers: 0, frames: 0, longestGap: 0, lastAt: performance.now() };
  window.observed = observed;
  const set = RTCPeerConnection.prototype.setLocalDescription;
  const seen = new WeakSet<RTCPeerConnection>();
  // The browser's capabilities are asked of connections that never get this far.
  RTCPeerConnection.prototype.setLocalDescription = new Proxy(set, {
    apply: (target, peer: RTCPeerConnection, args) => {
      if (!seen.has(peer)) observed.peers += 1;
      seen.add(peer);
      return Reflect.apply(target, peer, args);
    },
  });
  addEventListener('DOMContentLoaded', () => {
    const look = () => {
      const video = document.querySelector<HTMLVideoElement>('video#player');
      if (!video) return requestAnimationFrame(look);
      const onFrame = () => {
        const now = performance.now();
        observed.longestGap = Math.max(observed.longestGap, now - observed.lastAt);
        observed.lastAt = now;
        observed.frames += 1;
        video.requestVideoFrameCallback(onFrame);
      };
      return video.requestVideoFrameCallback(onFrame);
    };
    look();
  });
}
