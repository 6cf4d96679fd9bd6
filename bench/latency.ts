/**
 * Glass to glass in Chromium: how old a picture is when the viewer's page shows it, without and with
 * other viewers at the server; beside the bare server, and a peer connection within one page. The
 * publisher's camera is a canvas that shows the time; both pages have the machine's clock.
 *
 *   npm run bench -- latency
 *   npm run bench -- latency --load 150 --seconds 15 --rounds 3
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser, openWatch, publish } from '../test/helpers/browser.ts';
import { Audience } from './lib/audience.ts';
import { CpuWindow } from './lib/cpu.ts';
import { median, quantile, type Rows, report, round } from './lib/figures.ts';
import { installCamera, joinBare, joinItself, readAges } from './lib/latency-page.ts';
import { STREAM } from './lib/source.ts';
import { SUBJECTS, type Subject, type SubjectName, startSubject } from './lib/subject.ts';

const { values } = parseArgs({
  options: {
    load: { type: 'string', default: '150' },
    seconds: { type: 'string', default: '15' },
    rounds: { type: 'string', default: '3' },
    workers: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const [load, seconds, rounds, workers] = [values.load, values.seconds, values.rounds, values.workers].map(
  Number,
) as [number, number, number, number];
/** Encoder and jitter buffer have come to rest. */
const SETTLE = 6_000;

const LOOPBACK = 'within one page';

type Measured = { ages: number[]; idle: number };

const measured = new Map<string, Measured[]>();
const browser = await launchBrowser();
try {
  for (let each = 0; each < rounds; each++) {
    console.error(`round ${each + 1} of ${rounds}`);
    for (const name of SUBJECTS) await measureSubject(browser, name);
    await inContext(browser, async (context) => {
      const page = await context.newPage();
      // A page of this machine, as cameras are for those only.
      await page.route('http://localhost/', (route) => route.fulfill({ contentType: 'text/html', body: '' }));
      await page.goto('http://localhost/');
      await page.evaluate(joinItself);
      await measure(page, LOOPBACK);
    });
  }
} finally {
  await browser.close();
}
report(
  `Glass to glass, VP8 720p30, ${browser.version()}, ${rounds} rounds of ${seconds} s`,
  { Milliseconds: table() },
  values.json,
);
// libdatachannel's threads would keep the process.
process.exit();

async function measureSubject(browser: Browser, name: SubjectName): Promise<void> {
  const subject = await startSubject(name, { workers });
  const audience = new Audience();
  try {
    await inContext(browser, async (context) => {
      const viewer = name === 'bare' ? await openBare(context, subject) : await openPharos(context, subject);
      await measure(viewer, rowName(name, 0));
      if (load === 0) return;
      const { failures } = await audience.ask('join', { url: whep(subject), count: load });
      if (failures.length > 0) throw new Error(`${failures.length} of the load did not join: ${failures[0]}`);
      await measure(viewer, rowName(name, load));
    });
  } finally {
    await audience.close();
    await subject.stop();
  }
}

function rowName(name: SubjectName, others: number): string {
  return `${name}, ${others} others`;
}

function whep({ url }: Subject): string {
  return `${url}/whep/${STREAM}`;
}

async function inContext(browser: Browser, use: (context: BrowserContext) => Promise<void>): Promise<void> {
  const context = await browser.newContext();
  try {
    await context.addInitScript(installCamera);
    await use(context);
  } finally {
    await context.close();
  }
}

async function openBare(context: BrowserContext, subject: Subject): Promise<Page> {
  const [publisher, viewer] = [await context.newPage(), await context.newPage()];
  for (const page of [publisher, viewer]) await page.goto(subject.url);
  await publisher.evaluate(joinBare, `${subject.url}/whip/${STREAM}`);
  await viewer.evaluate(joinBare, whep(subject));
  return viewer;
}

async function openPharos(context: BrowserContext, { url }: Subject): Promise<Page> {
  const { link } = await publish(context, url, { stream: STREAM });
  return openWatch(context, link);
}

async function measure(page: Page, row: string): Promise<void> {
  await page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0);
  await sleep(SETTLE);
  const window = new CpuWindow([]);
  const ages = await page.evaluate(readAges, seconds);
  window.end();
  if (ages.length === 0) throw new Error(`no picture could be read: ${row}`);
  const { idle } = window.machine();
  measured.set(row, [...(measured.get(row) ?? []), { ages, idle }]);
}

function table(): Rows {
  const rows: Rows = {};
  const figures = (row: string) => {
    const all = measured.get(row) ?? [];
    const ages = all.flatMap((each) => each.ages);
    return { median: quantile(ages, 0.5), p95: quantile(ages, 0.95), count: ages.length, all };
  };
  for (const row of measured.keys()) {
    const { median: middle, p95, count, all } = figures(row);
    const base = figures(row.replace('Pharos', 'bare'));
    rows[row] = {
      median: round(middle),
      p95: round(p95),
      pictures: count,
      'idle %': round(median(all.map(({ idle }) => idle))),
      ...(row.startsWith('Pharos') && {
        'ratio, median': round(middle / base.median),
        'ratio, p95': round(p95 / base.p95),
      }),
    };
  }
  return rows;
}
