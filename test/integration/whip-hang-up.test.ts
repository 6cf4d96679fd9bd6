/** A client that hangs up before it has its answer never learns the URL by which the session could be ended. */
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Here, startHere } from '../helpers/here.ts';
import { type Live, publishMedia } from '../helpers/publish-media.ts';
import { publishOffer, watchOffer } from '../helpers/sdp.ts';

let here: Here;
let publisher: Live;
beforeAll(async () => {
  here = await startHere();
  publisher = await publishMedia(here.url, 'a', 'vp8');
});
afterAll(async () => {
  await publisher.stop();
  await here.stop();
});

/** Sends the offer; to be destroyed. */
function post(path: string, offer: string) {
  const posted = request(`${here.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
  });
  posted.on('error', () => undefined);
  posted.end(offer);
  return posted;
}

/** Hangs up while the server is about to carry out the offer. */
async function hangUp(path: string, offer: string): Promise<void> {
  const begun = Promise.race(here.pool.workers.map(({ router }) => once(router.observer, 'newtransport')));
  const posted = post(path, offer);
  await begun;
  posted.destroy();
}

test('a player leaves no viewer behind', async () => {
  await hangUp('/whep/a', watchOffer());
  expect(here.registry.viewerCount('a')).toBe(1);
  await expect.poll(() => here.registry.viewerCount('a'), { timeout: 5000 }).toBe(0);
});

test('an encoder leaves no stream behind', async () => {
  await hangUp('/whip/b', publishOffer());
  await expect.poll(() => here.registry.publisherOf('b'), { timeout: 5000 }).toBeUndefined();
  expect(here.registry.publisherOf('a')?.live).toBe(true);
});
