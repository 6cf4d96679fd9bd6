/**
 * Whether sessions leave something behind: what the server and its workers
 * hold before and after many WHIP and WHEP sessions, each with ICE, DTLS and
 * media until the first packet of it is through, ended by DELETE. Linux only.
 *
 *   npm run bench -- whip-cycles
 *   npm run bench -- whip-cycles --cycles 1000 --at-once 4
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { media } from '../test/helpers/media.ts';
import { startServer } from '../test/helpers/server.ts';
import type { MediaKind } from '../tools/lib/rtp.ts';
import { RtpSource, type RtpSourceOptions } from '../tools/lib/rtp-source.ts';
import { WhepClient } from '../tools/lib/whep-client.ts';
import { WhipClient } from '../tools/lib/whip-client.ts';
import { machine } from './lib/figures.ts';
import { heapAfterCollection, INSPECTABLE } from './lib/heap.ts';
import { summedHoldings } from './lib/processes.ts';

const { values } = parseArgs({
  options: { cycles: { type: 'string', default: '1000' }, 'at-once': { type: 'string', default: '4' } },
});
const cycles = Number(values.cycles);
const atOnce = Number(values['at-once']);
/** Sessions before the first figures: code is compiled, pools are filled. */
const WARM_UP = 50;
/** A session's last traces are gone when its timers are. */
const SETTLE = 3_000;

const server = await startServer({
  PHAROS_LIMITS_JOINS_PER_ADDRESS: 1_000_000,
  PHAROS_LIMITS_STREAMS: 1000,
  ...INSPECTABLE,
});
const senders = new Set<WhipClient>();
const source = await openSource();
try {
  const publisher = await publish('always');
  const rows: Record<string, Awaited<ReturnType<typeof settled>>> = {};
  await run(WARM_UP, whipCycle);
  await run(WARM_UP, whepCycle);
  // The inspector is a port and some files itself.
  await heapAfterCollection(server);
  rows[`after ${WARM_UP} of each`] = await settled();
  const whip = await run(cycles, whipCycle);
  rows[`after ${cycles} more of WHIP`] = await settled();
  const whep = await run(cycles, whepCycle);
  rows[`after ${cycles} more of WHEP`] = await settled();
  console.log(`Sessions that come and go, ${atOnce} at once; ${machine()}`);
  console.table(rows);
  console.log(`${whip.toFixed(1)} WHIP and ${whep.toFixed(1)} WHEP sessions a second`);
  await publisher.close();
} finally {
  await source.close();
  await server.stop();
}
// libdatachannel's threads would keep the process.
process.exit();

/** One file for all of them: what is measured is the server. */
async function openSource(): Promise<RtpSource> {
  const options: RtpSourceOptions = {
    file: await media('h264'),
    loop: true,
    copy: true,
    onPacket: (kind: MediaKind, packet: Buffer) => {
      for (const sender of senders) sender.send(kind, packet);
    },
  };
  const opened = await RtpSource.open(options);
  opened.start(options);
  return opened;
}

async function publish(stream: string): Promise<WhipClient> {
  const client = new WhipClient({ url: new URL(`/whip/${stream}`, server.url), tracks: source.tracks });
  await client.connect();
  senders.add(client);
  return client;
}

async function whipCycle(number: number): Promise<void> {
  const client = await publish(`cycle-${number}`);
  while (client.stats().packets === 0) await sleep(10);
  senders.delete(client);
  await client.close();
}

async function whepCycle(): Promise<void> {
  const first = Promise.withResolvers<void>();
  const url = new URL('/whep/always', server.url);
  const client = new WhepClient({ url, onPacket: () => first.resolve() });
  await client.connect();
  await first.promise;
  await client.close();
}

/** Sessions a second. */
async function run(count: number, cycle: (number: number) => Promise<void>): Promise<number> {
  const start = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < count) await cycle(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return (count * 1000) / (performance.now() - start);
}

async function settled() {
  await sleep(SETTLE);
  // RSS before: V8 gives back little of what it has collected.
  const { pid } = server.process;
  if (pid === undefined) throw new Error('no server');
  const figures = summedHoldings(pid);
  return { ...figures, 'Node heap, collected (MB)': await heapAfterCollection(server) };
}
