/** The client library in a page without any user interface: what the library does, whatever pages make of it. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import type {} from './lib-page/entry.ts';

let bundle: Promise<string> | undefined;

async function bundled(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      lib: { entry: join(import.meta.dirname, 'lib-page/entry.ts'), formats: ['iife'], name: 'entry' },
    },
  });
  const [output] = [result].flat();
  if (!output || !('output' in output)) throw new Error('nothing was built');
  return output.output[0].code;
}

/** A page of that server's origin with `window.lib`. */
export async function openLib(browser: Browser, url: string): Promise<Page> {
  bundle ??= bundled();
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.goto(`${url}/healthz`);
  await page.addScriptTag({ content: await bundle });
  return page;
}

/** The height of the picture that was shown last. */
export function shownHeight(page: Page): Promise<number> {
  return page.evaluate(() => window.seen?.frames.at(-1)?.height ?? 0);
}

/** What the publisher sends of each size now, smallest first: its height (0: nothing) and bit/s over a second. */
export function sentLayers(page: Page): Promise<{ height: number; bitrate: number; frames: number }[]> {
  return page.evaluate(async () => {
    const look = async () =>
      [...((await window.publisher?.getStats())?.values() ?? [])]
        .filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video')
        .sort((a, b) => String(a.rid).localeCompare(String(b.rid)));
    const before = await look();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const after = await look();
    return after.map((report, index) => {
      const last = before[index];
      const grown = (name: string) => report[name] - (last?.[name] ?? 0);
      return {
        height: grown('framesSent') > 0 ? report.frameHeight : 0,
        bitrate: Math.round((grown('bytesSent') * 8000) / Math.max(1, grown('timestamp'))),
        frames: grown('framesSent'),
      };
    });
  });
}
