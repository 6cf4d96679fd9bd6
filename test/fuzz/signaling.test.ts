import { expect, test } from 'vitest';
import { REQUEST_TYPES } from '../../server/protocol/messages.ts';
import { publishesAndPlays } from '../helpers/browser.ts';
import { capabilities, DTLS, RECEIVING, rtpParameters, SENDING, TestClient } from '../helpers/client.ts';
import { SMALL_HEAP, watchWell } from '../helpers/good-viewer.ts';
import { mutate, seeded, seedOfRun } from '../helpers/mutate.ts';
import { startServer } from '../helpers/server.ts';

const MESSAGES = 20_000;
/** After this many everything has been used that stays. */
const WARM = 8_000;
/** Fewer than the server lets wait at a time. */
const BATCH = 20;

test(`${MESSAGES} mutated messages, each answered; then it still publishes and watches`, {
  timeout: 180_000,
}, async () => {
  const server = await startServer({
    NODE_OPTIONS: SMALL_HEAP,
    PHAROS_LIMITS_MESSAGES_PER_SECOND: 10_000,
    PHAROS_LIMITS_JOINS_PER_ADDRESS: 1_000_000,
    PHAROS_LIMITS_STREAMS: 50,
    PHAROS_LIMITS_SESSION_GRACE: 1,
    PHAROS_LIMITS_PUBLISHER_GRACE: 1,
  });
  const seed = seedOfRun();
  const random = seeded(seed);
  const good = await watchWell(server);
  let client = await TestClient.connect(server.wsUrl);
  const rtpCapabilities = await capabilities(client);
  const session = 'A'.repeat(22);
  const stop = { type: 'stop' };
  const begin = { type: 'publish', tracks: ['audio', 'video'], key: 'some-key-some-key' };
  const connect = { type: 'connect', dtlsParameters: DTLS };
  const corpus = [
    ...[stop, begin, connect, { type: 'ping' }],
    { type: 'publish', stream: 'fuzz', tracks: ['audio', 'video'], resume: session },
    { type: 'watch', stream: 'good', rtpCapabilities },
    { type: 'watch', stream: 'nobody', rtpCapabilities, key: 'some-key-some-key' },
    { type: 'resume', session, seq: 3 },
    { type: 'restart_ice' },
    { type: 'produce', kind: 'audio', rtpParameters: rtpParameters('opus') },
    { type: 'produce', kind: 'video', rtpParameters: rtpParameters('VP8') },
    { type: 'produce', kind: 'video', rtpParameters: rtpParameters('H264') },
    { type: 'probe', key: 'some-key-some-key' },
    { type: 'prefer', video: true, spatialLayer: 1 },
    { type: 'title', title: 'Lecture 1' },
    { type: 'sending', ...SENDING },
    { type: 'receiving', ...RECEIVING },
    { type: 'first_frame', milliseconds: 200 },
  ];
  expect(new Set(corpus.map(({ type }) => type))).toEqual(new Set(REQUEST_TYPES));

  const codes = new Map<string, number>();
  await good.unharmed('signaling', async (warm) => {
    for (let sent = 0; sent < MESSAGES; sent += BATCH) {
      if (sent === WARM) warm();
      if (client.ws.readyState !== client.ws.OPEN || random() < 0.1) {
        client.ws.terminate();
        client = await TestClient.connect(server.wsUrl);
      }
      const before = client.received.filter(isAnswer).length;
      // Every third batch begins with a session that has come far enough to produce.
      const opening = random() < 0.33 ? [stop, begin, connect] : [];
      for (let i = 0; i < BATCH; i++) {
        const message = { id: sent + i, ...(opening[i] ?? corpus[Math.floor(random() * corpus.length)]) };
        const asItIs = i < opening.length || random() < 0.2;
        client.send(asItIs ? JSON.stringify(message) : mutate(message, random));
      }
      const answers = await client.until((received) => {
        const all = received.filter(isAnswer);
        return all.length >= before + BATCH ? all.slice(before) : undefined;
      }, `${BATCH} answers (seed ${seed})`);
      for (const answer of answers)
        codes.set(answer.error?.code ?? 'ok', (codes.get(answer.error?.code ?? 'ok') ?? 0) + 1);
    }
  });
  client.ws.terminate();

  console.info(Object.fromEntries(codes));
  expect(codes.get('internal') ?? 0).toBe(0);
  for (const code of ['ok', 'bad_request', 'unknown_type', 'wrong_order'])
    expect(codes.get(code) ?? 0).toBeGreaterThan(20);
  expect(server.records('media worker died')).toEqual([]);
  expect(server.records('media worker up')).toHaveLength(2);
  await good.stop();

  try {
    await publishesAndPlays(server.url);
  } finally {
    await server.stop();
  }
});

type AnyAnswer = { ok: boolean; error?: { code: string } };

function isAnswer(message: unknown): message is AnyAnswer {
  return typeof message === 'object' && message !== null && 'ok' in message;
}
