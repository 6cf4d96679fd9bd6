/** The REST API's page: all of the document, for people. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findings } from '../helpers/axe.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { DocumentedApi } from '../helpers/documented.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let browser: Browser;
let context: BrowserContext;
let documented: DocumentedApi;
/** What the browser complains about, such as the content security policy. */
const complaints: string[] = [];
beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
  context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  documented = new DocumentedApi(server.url, await (await fetch(`${server.url}/api/openapi.json`)).json());
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function open(path = '/api/docs'): Promise<Page> {
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', ({ message }) => complaints.push(message));
  await page.goto(server.url + path);
  await page.waitForSelector('#schemas');
  return page;
}

test('shows every operation with its answers, every schema, and no other', async () => {
  const page = await open();
  expect(await page.title()).toBe('REST API – Pharos');
  const shown = await page.$$eval('.operation[id]', (sections) =>
    sections.map((section) => [
      section.id,
      [...section.querySelectorAll('.answers > div > dt')].map((each) => each.textContent),
    ]),
  );
  const expected = Object.fromEntries([
    ...[...documented.operations.values()].map(({ operationId, responses }) => [
      operationId,
      Object.keys(responses),
    ]),
    ...Object.keys(documented.document.components.schemas).map((name) => [`schema-${name}`, []]),
  ]);
  expect(Object.fromEntries(shown)).toEqual(expected);
  // Every link within the page leads somewhere.
  const dead = await page.$$eval('a[href^="#"]', (links) =>
    links
      .map((link) => link.getAttribute('href')?.slice(1) ?? '')
      .filter((id) => document.getElementById(id) === null),
  );
  expect(dead).toEqual([]);
  expect(complaints).toEqual([]);
  await page.close();
});

test('an operation has an address of its own, and a line for curl to copy', async () => {
  const page = await open('/api/docs#addCamera');
  await expect
    .poll(() => page.$eval('#addCamera', (section) => section.getBoundingClientRect().top))
    .toBeLessThan(100);
  await page.bringToFront();
  await page.click('#addCamera button.copy');
  await page.waitForSelector('#addCamera button.copy:has-text("Copied")');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    `curl -X POST -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{"stream":"door","url":"rtsp://user:password@203.0.113.20/stream1","onDemand":true}' ${server.url}/api/cameras`,
  );
  await page.close();
});

test.each([375, 1280])('nothing is cut off at %i px', async (width) => {
  const page = await open();
  await page.setViewportSize({ width, height: 800 });
  for (const example of await page.$$('.operation details')) {
    await example.evaluate((details) => details.setAttribute('open', ''));
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  await page.close();
});

test.each(['light', 'dark'] as const)(
  'axe finds nothing in the %s scheme',
  { timeout: 180_000 },
  async (colorScheme) => {
    const page = await open();
    await page.emulateMedia({ colorScheme });
    expect(await findings(page)).toEqual([]);
    await page.close();
  },
);

test('without the document it says so', async () => {
  const page = await context.newPage();
  await page.route('**/api/openapi.json', (route) => route.abort());
  await page.goto(`${server.url}/api/docs`);
  await page.waitForSelector('[role="alert"]:has-text("could not be loaded")');
  await page.close();
});
