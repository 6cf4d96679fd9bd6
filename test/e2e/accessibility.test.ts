/** Every page in every state, in light and dark, on a desktop and on a phone; each is kept as a picture too. */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { animations, type Finding, findings } from '../helpers/axe.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { goLive, LOOKS, look, SCREEN_SETTINGS, SCREENS, Stage } from '../helpers/screens.ts';
import { keepPicture, writeGallery } from '../helpers/screenshots.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let browser: Browser;
let stage: Stage;
let live: BrowserContext;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(SCREEN_SETTINGS), launchBrowser()]);
  stage = new Stage(server, browser);
  live = await goLive(stage);
}, 120_000);
afterAll(async () => {
  writeGallery(SCREENS.map(({ name }) => name));
  await browser?.close();
  await server?.stop();
});
afterEach(() => stage.clear([live]));

const describe = ({ rule, impact, help, where }: Finding, looked: string) =>
  `${looked}: ${impact}: ${rule} (${help})\n    ${where.join('\n    ')}`;

test.each(SCREENS)(
  '$name: nothing serious for WCAG 2.2 AA, and nothing moves where that is not wanted',
  {
    timeout: 120_000,
  },
  async ({ name, open }) => {
    const page = await open(stage);
    const serious: string[] = [];
    for (const each of LOOKS) {
      await look(page, each);
      for (const finding of await findings(page)) {
        const text = describe(finding, each.name);
        console.info(text);
        if (finding.impact === 'serious' || finding.impact === 'critical') serious.push(text);
      }
      await keepPicture(page, name, each);
    }
    await expect.poll(() => animations(page)).toEqual([]);
    expect(serious).toEqual([]);
  },
);
