/** What publishers and viewers say of themselves, and what is made of it for the other side. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { event as eventSchema } from '../../server/protocol/messages.ts';
import { RtpSource } from '../../tools/lib/rtp-source.ts';
import { WhipClient } from '../../tools/lib/whip-client.ts';
import { capabilities, publish, RECEIVING, SENDING, TestClient, watch } from '../helpers/client.ts';
import { media } from '../helpers/media.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ PHAROS_LIMITS_MEDIA_SETUP_TIME: 120 });
});
afterAll(() => server?.stop());

const sources = ({ received }: TestClient) =>
  received.flatMap((message) => {
    const { data } = eventSchema.safeParse(message);
    return data?.type === 'source' ? [`${data.limitation}${data.weak ? ' weak' : ''}`] : [];
  });

/** As late as it may be said again. */
const nextReport = () => new Promise((resolve) => setTimeout(resolve, 1100));

describe("a publisher's limitation", () => {
  test('is told to all viewers when two reports in a row have it, to those who join then, and who come back', async () => {
    const { client: publisher } = await publish(server.wsUrl, { stream: 'limited' });
    const first = await watch(server.wsUrl, 'limited');
    const viewers = [first, await watch(server.wsUrl, 'limited')];
    const say = (limitation: 'cpu' | 'none') => publisher.request('sending', { ...SENDING, limitation });
    await say('cpu');
    // Too soon to count.
    await say('cpu');
    await nextReport();
    expect(viewers.flatMap(({ client }) => sources(client))).toEqual([]);
    await say('cpu');
    for (const { client } of viewers)
      expect(await client.event('source')).toMatchObject({ limitation: 'cpu' });
    const late = await watch(server.wsUrl, 'limited');
    expect(late.answer).toMatchObject({ media: { source: { limitation: 'cpu', weak: false } } });

    first.client.ws.terminate();
    const again = await TestClient.connect(server.wsUrl);
    await again.request('resume', { session: first.answer.session, seq: 0 });
    expect(await again.event('source')).toMatchObject({ limitation: 'cpu' });

    await nextReport();
    await say('none');
    await nextReport();
    await say('none');
    expect(await again.event('source', 1)).toEqual({ type: 'source', limitation: 'none', weak: false });
    expect(sources(late.client)).toEqual(['none']);
    await Promise.all([publisher, again, late.client].map((client) => client.close()));
  });
});

test('an upload that loses packets is weak, whatever client it is, until it loses none', async () => {
  const options = { file: await media('vp8'), loop: true, copy: true, onPacket: () => {} };
  const source = await RtpSource.open(options);
  const publisher = new WhipClient({ url: new URL(`${server.url}/whip/lossy`), tracks: source.tracks });
  await publisher.connect();
  let lossy = true;
  let count = 0;
  const onPacket = (kind: 'audio' | 'video', packet: Buffer) => {
    count += 1;
    if (!lossy || count % 8 > 0) publisher.send(kind, packet);
  };
  source.start({ ...options, onPacket });
  const { client: viewer } = await watch(server.wsUrl, 'lossy');
  const begun = performance.now();
  await expect.poll(() => sources(viewer), { timeout: 20_000 }).toEqual(['none weak']);
  const weakAfter = performance.now() - begun;
  lossy = false;
  const mended = performance.now();
  await expect.poll(() => sources(viewer), { timeout: 25_000 }).toEqual(['none weak', 'none']);
  console.info(
    `12 % lost: told after ${Math.round(weakAfter)} ms, taken back ${Math.round(performance.now() - mended)} ms after it was over`,
  );
  await Promise.all([source.close(), publisher.close(), viewer.close()]);
}, 60_000);

describe('an audience', () => {
  test('is counted from what viewers say, told to their publisher alone; who says too much is not heard, nor harmed', async () => {
    const { client: publisher } = await publish(server.wsUrl, { stream: 'audience' });
    const [smooth, frozen, silent] = await Promise.all([1, 2, 3].map(() => watch(server.wsUrl, 'audience')));
    await smooth?.client.request('receiving', RECEIVING);
    await frozen?.client.request('receiving', { ...RECEIVING, frozen: 400 });
    // Of all these none is heard, as they come too soon; each is answered.
    for (let time = 0; time < 40; time++) {
      await smooth?.client.request('receiving', { ...RECEIVING, frozen: 10_000 });
    }
    const audience = await publisher.until((received) => {
      const found = received.map((message) => eventSchema.safeParse(message).data);
      return found.find((event) => event?.type === 'audience' && event.reporting === 2);
    }, 'an audience of which two report');
    expect(audience).toEqual({
      type: 'audience',
      ...{ viewers: 3, layers: [3], audioOnly: 0, reporting: 2, frozen: 1, overloaded: false },
    });
    for (const viewer of [smooth, frozen, silent]) {
      expect(JSON.stringify(viewer?.client.received)).not.toContain('"audience"');
      expect(viewer?.client.ws.readyState).toBe(viewer?.client.ws.OPEN);
      await viewer?.client.close();
    }
    await publisher.close();
  });
});

describe('each says what is its own to say', () => {
  test('viewers name nothing and send nothing, publishers receive nothing', async () => {
    const { client: publisher } = await publish(server.wsUrl, { stream: 'own' });
    const { client: viewer } = await watch(server.wsUrl, 'own');
    for (const refused of [
      viewer.refusal({ type: 'title', title: 'Mine' }),
      viewer.refusal({ type: 'sending', ...SENDING }),
      publisher.refusal({ type: 'receiving', ...RECEIVING }),
    ]) {
      expect((await refused).code).toBe('wrong_order');
    }
    await Promise.all([publisher, viewer].map((client) => client.close()));
  });

  test.each(['a\nb', 'a\u0000b', 'a\u2028b', 'a\u202eb', 'a\ud800', 'x'.repeat(101)])(
    'a title is one line without tricks: %j is none',
    async (title) => {
      const client = await TestClient.connect(server.wsUrl);
      const refusal = await client.refusal({ type: 'publish', tracks: ['audio'], title });
      expect(refusal).toMatchObject({ code: 'bad_request', message: expect.stringMatching(/^title: /) });
      await client.close();
    },
  );
});

describe('a probe', () => {
  test('is a transport and nothing else, and its connection publishes when it is stopped', async () => {
    const client = await TestClient.connect(server.wsUrl);
    const rtpCapabilities = await capabilities(client);
    const answer = await client.request('probe', {});
    expect(answer.transport.iceCandidates.map(({ protocol }) => protocol).sort()).toEqual(['tcp', 'udp']);
    expect(answer).toMatchObject({ bitrate: 25_000_000, milliseconds: 15_000 });
    for (const message of [
      { type: 'restart_ice' },
      { type: 'title', title: 'x' },
      { type: 'prefer', video: false },
      { type: 'watch', stream: 'x', rtpCapabilities },
      { type: 'probe' },
    ]) {
      expect((await client.refusal(message)).code).toBe('wrong_order');
    }
    await client.request('stop', {});
    await client.request('publish', { tracks: ['audio'] });
    await client.close();
  });

  test('there are 20 at a time at most; one whose client goes makes room', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => TestClient.connect(server.wsUrl)));
    for (const client of clients) await client.request('probe', {});
    const late = await TestClient.connect(server.wsUrl);
    expect((await late.refusal({ type: 'probe' })).code).toBe('server_full');
    await clients[0]?.close();
    await expect
      .poll(async () => {
        late.send({ id: 900, type: 'stop' });
        late.send({ id: 901, type: 'probe' });
        const nth = late.received.filter((message) => JSON.stringify(message).startsWith('{"id":901')).length;
        return (await late.answer(901, nth)).ok;
      })
      .toBe(true);
    await Promise.all([late, ...clients].map((client) => client.close()));
  });
});
