/**
 * First-frame time of a viewer in Chromium on this machine: from the click on
 * Watch to the first frame presented (requestVideoFrameCallback), for a stream
 * that is live. The baseline is what this browser needs for a bare peer
 * connection within one page, no server and no network, in the same run.
 *
 *   npm run bench                       20 joins, VP8 720p
 *   npm run bench -- --joins 50 --codec H264 --resolution 360
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { BrowserContext, Page } from 'playwright-core';
import { launchBrowser, openWatch, publish } from '../test/helpers/browser.ts';
import { startServer } from '../test/helpers/server.ts';
import { quantile } from './lib/figures.ts';

const { values } = parseArgs({
  options: {
    joins: { type: 'string', default: '20' },
    codec: { type: 'string', default: 'VP8' },
    resolution: { type: 'string', default: '720' },
  },
});
const joins = Number(values.joins);
const codec = values.codec === 'H264' ? 'H264' : 'VP8';
const resolution = values.resolution === '360' ? '360' : '720';

const server = await startServer();
const browser = await launchBrowser();
try {
  const context = await browser.newContext();
  const { page, stream } = await publish(context, server.url, { codec, resolution });
  // Until the encoder has come up to the full picture, joins would measure its start.
  await page.waitForFunction(async () => {
    const stats = (await window.pharos?.getStats()) ?? new Map();
    return [...stats.values()].some((report) => report.type === 'outbound-rtp' && report.framesSent > 60);
  });
  const pharos: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < joins; i++) {
    pharos.push(await timeJoin(context, server.url, stream));
    bare.push(await timeBare(context, server.url));
  }
  print(pharos, bare);
} finally {
  await browser.close();
  await server.stop();
}

/** A fresh page each time: socket open and device known, as when a person has typed the identifier. */
async function timeJoin(context: BrowserContext, url: string, stream: string): Promise<number> {
  const viewer = await openWatch(context, `${url}/watch`);
  await viewer.fill('#identifier', stream);
  await viewer.waitForLoadState('networkidle');
  await viewer.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
  await viewer.evaluate(() => {
    addEventListener('click', () => performance.mark('bench:click'), { capture: true, once: true });
  });
  await viewer.click('form button[type="submit"]');
  await viewer.waitForFunction(() => performance.getEntriesByName('pharos:first-frame').length > 0);
  const time = await between(viewer, 'bench:click', 'pharos:first-frame');
  await viewer.close();
  return time;
}

async function timeBare(context: BrowserContext, url: string): Promise<number> {
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(async () => {
    const source = await navigator.mediaDevices.getUserMedia({
      audio: true,
      video: { width: 1280, height: 720 },
    });
    const video = document.body.appendChild(document.createElement('video'));
    video.muted = true;
    const presented = new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve()));
    performance.mark('bench:bare-start');
    const sender = new RTCPeerConnection();
    const receiver = new RTCPeerConnection();
    sender.onicecandidate = ({ candidate }) => receiver.addIceCandidate(candidate ?? undefined);
    receiver.onicecandidate = ({ candidate }) => sender.addIceCandidate(candidate ?? undefined);
    const received = new MediaStream();
    receiver.ontrack = ({ track }) => received.addTrack(track);
    video.srcObject = received;
    void video.play();
    for (const track of source.getTracks()) sender.addTrack(track, source);
    await sender.setLocalDescription();
    await receiver.setRemoteDescription(sender.localDescription as RTCSessionDescription);
    await receiver.setLocalDescription();
    await sender.setRemoteDescription(receiver.localDescription as RTCSessionDescription);
    await presented;
    performance.mark('bench:bare-end');
    for (const track of source.getTracks()) track.stop();
  });
  const time = await between(page, 'bench:bare-start', 'bench:bare-end');
  await page.close();
  return time;
}

function between(page: Page, from: string, to: string): Promise<number> {
  return page.evaluate(
    ([first, second]) => {
      const at = (name: string) => performance.getEntriesByName(name)[0]?.startTime ?? Number.NaN;
      return at(second) - at(first);
    },
    [from, to] as const,
  );
}

function print(pharos: number[], bare: number[]): void {
  const row = (times: number[]) => ({
    median: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    least: Math.min(...times),
    most: Math.max(...times),
  });
  console.log(
    `${joins} joins, ${codec} ${resolution}p, ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${browser.version()}`,
  );
  const rows = { 'Pharos, click to first frame (ms)': row(pharos), 'bare peer connection (ms)': row(bare) };
  console.table(
    Object.fromEntries(
      Object.entries(rows).map(([name, figures]) => [
        name,
        Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Math.round(value)])),
      ]),
    ),
  );
  console.log(`ratio of the medians: ${(quantile(pharos, 0.5) / quantile(bare, 0.5)).toFixed(2)}`);
}
