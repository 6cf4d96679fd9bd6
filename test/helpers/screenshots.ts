/** Pictures of pages, kept in dist/screenshots for people to look at. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { LOOKS } from './screens.ts';

const FOLDER = 'dist/screenshots';
/** In pixels; a longer page is cut off. */
const TALLEST = 4000;

/** The page as it looks now, as tall as it is: what sticks to the window's lower edge is not to hide the middle. */
export async function keepPicture(page: Page, screen: string, look: (typeof LOOKS)[number]): Promise<void> {
  const { name, width } = look;
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height: Math.min(Math.max(height, look.height), TALLEST) });
  mkdirSync(FOLDER, { recursive: true });
  await page.screenshot({ path: join(FOLDER, `${screen}-${name}.png`) });
}

/** `index.html` beside them, with all that there can be. */
export function writeGallery(screens: readonly string[]): void {
  const figure = (screen: string) =>
    LOOKS.map(
      ({ name, width }) =>
        `<figure><img src="${screen}-${name}.png" loading="lazy" alt="" width="${width / 2}"><figcaption>${name}</figcaption></figure>`,
    ).join('\n');
  const sections = screens.map((screen) => `<h2>${screen}</h2>\n<div>${figure(screen)}</div>`);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(
    join(FOLDER, 'index.html'),
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pharos: screens</title>
<style>
  body { font-family: sans-serif; background: #888; }
  div { display: flex; align-items: flex-start; gap: 1rem; overflow-x: auto; }
  figure { margin: 0; }
</style>
<h1>Pharos: ${screens.length} screens, ${screens.length * LOOKS.length} pictures</h1>
${sections.join('\n')}
</html>
`,
  );
}
