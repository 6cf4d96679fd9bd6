/** What a page's player shows, in words. */
import type { Page } from 'playwright-core';

/** `red`, `green`, `blue`, `black`, `white` or `other` around a point, 0 to 1 from the left and from the top. */
export function colourAt(page: Page, x: number, y: number, selector = 'video#player'): Promise<string> {
  return page.evaluate(
    ({ x, y, selector }) => {
      const video = document.querySelector<HTMLVideoElement>(selector);
      if (!video || video.videoWidth === 0) return 'none';
      const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
      const context = canvas.getContext('2d');
      if (!context) return 'none';
      const [width, height] = [video.videoWidth, video.videoHeight];
      context.drawImage(video, x * width - 4, y * height - 4, 8, 8, 0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
      const bright = [red, green, blue].map((value) => value > 110);
      const key = bright.map((on) => (on ? '1' : '0')).join('');
      const names: Record<string, string> = { '100': 'red', '010': 'green', '001': 'blue' };
      if (key === '111') return 'white';
      if (key === '000') return Math.max(red, green, blue) < 60 ? 'black' : 'other';
      return names[key] ?? 'other';
    },
    { x, y, selector },
  );
}
