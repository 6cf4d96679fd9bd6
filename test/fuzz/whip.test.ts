/** WHIP and WHEP against mutated offers and fragments: always an answer, never a 500, nothing kept. */
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { expect, test } from 'vitest';
import { publishesAndPlays } from '../helpers/browser.ts';
import { SMALL_HEAP, watchWell } from '../helpers/good-viewer.ts';
import { seeded, seedOfRun } from '../helpers/mutate.ts';
import { mutateSdp } from '../helpers/mutate-sdp.ts';
import { fragment, publishOffer } from '../helpers/sdp.ts';
import { startServer } from '../helpers/server.ts';

const REQUESTS = 20_000;
/** After this many everything has been used that stays, such as buffers and compiled code. */
const WARM = 8000;
const AT_ONCE = 8;
const OFFERS = new URL('../fixtures/offers/', import.meta.url);

test(`${REQUESTS} mutated offers and fragments, each answered; then it still publishes and plays`, {
  timeout: 240_000,
}, async () => {
  const server = await startServer({
    NODE_OPTIONS: SMALL_HEAP,
    PHAROS_AUTH_PUBLISH: 'open',
    PHAROS_LIMITS_JOINS_PER_ADDRESS: 1_000_000,
    // No media ever comes up here; the stream that is played is to last.
    PHAROS_LIMITS_MEDIA_SETUP_TIME: 300,
  });
  const random = seeded(seedOfRun());
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const offers = readdirSync(OFFERS)
    .filter((name) => name.endsWith('.sdp'))
    .map((name) => readFileSync(new URL(name, OFFERS), 'utf8'));
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const ask = (
    method: string,
    path: string,
    type: string,
    body: string,
    headers: Record<string, string> = {},
  ) =>
    new Promise<{ status: number; location: string | undefined }>((resolve, reject) => {
      const outgoing = request(server.url + path, {
        method,
        agent,
        headers: { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), ...headers },
      });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        response
          .resume()
          .on('end', () =>
            resolve({ status: response.statusCode ?? 0, location: response.headers.location }),
          );
      });
      outgoing.end(body);
    });

  const live = await ask('POST', '/whip/bystander', 'application/sdp', publishOffer());
  expect(live.status).toBe(201);
  const counts = new Map<string, number>();
  const sessions: string[] = [];
  const good = await watchWell(server);
  let done = 0;
  const one = async (index: number) => {
    const kind = pick(['whip', 'whep', 'patch'] as const);
    const asItIs = random() < 0.1;
    let answer: Awaited<ReturnType<typeof ask>>;
    if (kind === 'patch' && live.location) {
      const text = fragment(pick(['EsAw', 'other']));
      answer = await ask(
        'PATCH',
        pick([live.location, ...sessions.slice(-3)]),
        'application/trickle-ice-sdpfrag',
        asItIs ? text : mutateSdp(text, random),
        { 'If-Match': '*' },
      );
    } else {
      const offer = pick(offers);
      const path = kind === 'whip' ? `/whip/fuzz-${index % 64}` : '/whep/bystander';
      answer = await ask('POST', path, 'application/sdp', asItIs ? offer : mutateSdp(offer, random));
      if (answer.location) sessions.push(answer.location);
    }
    const name = `${kind} ${answer.status}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    // A real client leaves; others are closed by time.
    while (sessions.length > 16) await ask('DELETE', sessions.shift() ?? '', 'text/plain', '');
  };
  await good.unharmed('SDP', async (warm) => {
    const lane = async () => {
      while (done < REQUESTS) {
        done += 1;
        if (done === WARM) warm();
        await one(done);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    for (const session of sessions) await ask('DELETE', session, 'text/plain', '');
  });
  await good.stop();
  agent.destroy();

  console.info(Object.fromEntries([...counts].sort()));
  for (const [name, count] of counts) expect(Number(name.slice(-3)), `${name}: ${count}`).toBeLessThan(500);
  for (const name of ['whip 201', 'whip 400', 'whip 406', 'whep 201', 'whep 400', 'patch 204', 'patch 400']) {
    expect(counts.get(name) ?? 0, name).toBeGreaterThan(10);
  }

  try {
    await publishesAndPlays(server.url);
  } finally {
    await server.stop();
  }
});
