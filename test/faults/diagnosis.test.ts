/** What is said of networks that block UDP or lose packets: the check before publishing, and both ends' diagnosis. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLib } from '../helpers/lib-page.ts';
import { type Host, Network, noNetworks, startServerIn } from '../helpers/netns.ts';
import type { TestServer } from '../helpers/server.ts';

const why = noNetworks();
if (why) console.warn(`LEFT OUT, the tests of diagnosis: ${why}`);

const PATIENCE = { timeout: 60_000 };

describe.runIf(why === undefined)('networks', () => {
  let network: Network;
  let server: TestServer;
  let url: string;
  let host: Host;
  let browser: Browser;

  beforeAll(async () => {
    network = Network.create();
    ({ server, url } = await startServerIn(network));
    host = network.host('laptop');
    browser = await host.launchBrowser(url, ['--autoplay-policy=no-user-gesture-required']);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    network?.close();
  });

  const check = (page: Page) => page.evaluate(() => window.lib.check());
  const states = ({ server: reached, udp, tcp, upload }: Awaited<ReturnType<typeof check>>) =>
    [reached, udp, tcp, upload].map(({ state }) => state).join(' ');

  test('the check: all is well, little goes up, UDP is blocked, the server is not there', async () => {
    const page = await openLib(browser, url);
    const well = await check(page);
    expect(states(well)).toBe('ok ok ok ok');
    expect(well).toMatchObject({ server: { http: true }, upload: { path: 'udp' }, refusal: undefined });
    const progress = await page.evaluate(() => window.checks ?? []);
    expect(states(progress[0] ?? well)).toBe('running waiting waiting waiting');

    host.trouble('up', { rate: 1_500_000 });
    const slow = await check(page);
    expect(states(slow)).toBe('ok ok ok ok');
    expect(slow.upload.bitrate).toBeLessThan(2_000_000);

    host.trouble('up', { loss: 1 });
    const begun = performance.now();
    const blocked = await check(page);
    const took = Math.round(performance.now() - begun);
    expect(states(blocked)).toBe('ok failed ok ok');
    expect(blocked.upload.path).toBe('tcp');

    const port = `${server.port}`;
    const gone = await page.evaluate(
      (at) => window.lib.check({ server: location.origin.replace(at, '1') }),
      port,
    );
    expect(states(gone)).toBe('failed off off off');
    expect(gone.server.http).toBe(false);
    const megabits = ({ upload }: typeof well) => ((upload.bitrate ?? 0) / 1e6).toFixed(2);
    console.info(
      `upload: ${megabits(well)} Mbit/s without limit, ${megabits(slow)} at 1.5; UDP blocked: ${megabits(blocked)} by TCP, ${took} ms for all; round trip ${well.server.roundTrip} ms`,
    );
    host.trouble('up');
    await page.close();
  }, 120_000);

  test('both ends are told that UDP is blocked', async () => {
    host.trouble('up', { loss: 1 });
    const publisher = await openLib(browser, url);
    await publisher.evaluate(() =>
      window.lib.publish(
        { stream: 'x', video: { codec: 'VP8', height: 360, frameRate: 20, maxBitrate: 800_000 } },
        { picture: { width: 640, height: 360 }, tones: [440, 880] },
      ),
    );
    const viewer = await openLib(browser, url);
    await viewer.evaluate(() => void window.lib.watch('x'));
    const diagnosis = () => viewer.evaluate(() => window.viewer?.diagnosis);
    const health = () => publisher.evaluate(() => window.publisher?.health);
    await expect.poll(diagnosis, PATIENCE).toBe('udp_blocked');
    await expect.poll(health, PATIENCE).toEqual({ light: 'amber', reason: 'udp_blocked' });
    await Promise.all([publisher.close(), viewer.close()]);
  }, 120_000);
});
