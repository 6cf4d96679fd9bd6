/**
 * Every page in every state, in light and dark, on a desktop and on a phone: dist/screenshots, to be looked
 * at in its index.html.
 *
 *   npm run screenshots             all of them
 *   npm run screenshots -- watch    those whose name begins so
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchBrowser } from './helpers/browser.ts';
import { goLive, LOOKS, look, SCREEN_SETTINGS, SCREENS, Stage } from './helpers/screens.ts';
import { startServer } from './helpers/server.ts';

const folder = 'dist/screenshots';
const [wanted = ''] = process.argv.slice(2);
const screens = SCREENS.filter(({ name }) => name.startsWith(wanted));

mkdirSync(folder, { recursive: true });
const server = await startServer(SCREEN_SETTINGS);
const browser = await launchBrowser();
const missed: string[] = [];
try {
  const stage = new Stage(server, browser);
  const live = await goLive(stage);
  for (const { name, open } of screens) {
    try {
      const page = await open(stage);
      for (const each of LOOKS) {
        await look(page, each);
        // As tall as the page: what sticks to the lower edge of the window is not to hide the middle.
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({
          width: each.width,
          height: Math.min(Math.max(height, each.height), 4000),
        });
        await page.screenshot({ path: join(folder, `${name}-${each.name}.png`) });
      }
      console.info(name);
    } catch (error) {
      missed.push(name);
      console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    }
    await stage.clear([live]);
  }
} finally {
  await browser.close();
  await server.stop();
}

const figure = (name: string) =>
  LOOKS.map(
    (each) =>
      `<figure><img src="${name}-${each.name}.png" loading="lazy" alt="" width="${each.width / 2}"><figcaption>${each.name}</figcaption></figure>`,
  ).join('\n');
const sections = SCREENS.map(({ name }) => `<h2>${name}</h2>\n<div>${figure(name)}</div>`).join('\n');
writeFileSync(
  join(folder, 'index.html'),
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pharos: screens</title>
<style>
  body { font-family: sans-serif; background: #888; }
  div { display: flex; align-items: flex-start; gap: 1rem; overflow-x: auto; }
  figure { margin: 0; }
</style>
<h1>Pharos: ${SCREENS.length} screens, ${SCREENS.length * LOOKS.length} pictures</h1>
${sections}
</html>
`,
);
console.info(`${(screens.length - missed.length) * LOOKS.length} pictures in ${folder}/index.html`);
if (missed.length > 0) process.exitCode = 1;
