/** `npm run soak`: clients that come, go and drop out at random, at a server of its own, and what must be so all along. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { exitCode, onSignal, UsageError } from './lib/command.ts';
import { RtpSource } from './lib/rtp-source.ts';
import { Wires } from './lib/soak-clients.ts';
import { runSoak } from './lib/soak-run.ts';
import { SoakServer } from './lib/soak-server.ts';
import { StatusLine } from './lib/status-line.ts';
import { testFile } from './lib/test-file.ts';

const USAGE = `Joins, leaves, publishes, drops out and records at random, at a server of its own on loopback.

  npm run soak -- [options]

  --minutes N       how long (default 10; what an hour brings is done faster); decimals are fine
  --seed N          of what is done at random; default: another each time, and told
  --spare-workers   media workers are not killed
  --help            this text

Held all along: who watches a live stream gets packets; at rest the server counts what is here; when
all have left nothing is left; no recording is damaged; the server logs no error. Linux only.

Exit codes: 0 all held, 1 something broke, 2 wrong arguments, 130 Ctrl-C.`;

async function main(): Promise<number> {
  const { minutes, seed, spareWorkers, help } = readArguments();
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const line = new StatusLine(process.stdout);
  const stop = new AbortController();
  let code = 0;
  onSignal((exit) => {
    code = exit;
    stop.abort();
  });
  line.say(`Soak of ${minutes} min, seed ${seed} (--seed ${seed})`);
  const server = await SoakServer.start();
  const wires = await Wires.to(server.url);
  let sent: (kind: 'audio' | 'video', packet: Buffer) => void = () => {};
  const options = {
    ...{ file: await testFile(), loop: true, copy: true },
    onPacket: (kind: 'audio' | 'video', packet: Buffer) => sent(kind, packet),
  };
  const source = await RtpSource.open(options);
  source.start(options);
  const began = performance.now();
  const result = await runSoak({
    ...{ server, wires, source, random: seeded(seed), signal: stop.signal },
    milliseconds: minutes * 60_000,
    killWorkers: !spareWorkers,
    onPublishers: (send) => {
      sent = send;
    },
    onProgress: (text) => line.show(`${Math.round((performance.now() - began) / 1000)} s  ${text}`),
  });
  line.end();
  const after = server.memory();
  const recordings = await server.recordings();
  await source.close();
  wires.close();
  const left = await server.stop();
  if (left > 0) result.broken.push(`${left} processes outlived the server`);
  const { done, checks, broken, memory } = result;
  console.table({
    ...done,
    'checks made': checks,
    ...counted(recordings.map(({ verdict }) => `recordings: ${verdict}`)),
    'MB of server and workers, at the first rest': words(memory[0]),
    'at the last rest': words(memory.at(-1)),
    'when all had left': words(after),
    'longest silence of the source (ms)': Math.round(result.sourceGap),
    'broken invariants': broken.length,
  });
  for (const each of broken) console.error(`BROKEN: ${each}`);
  if (broken.length > 0) console.error(`The server's log is in ${server.keepLog()}`);
  return code !== 0 ? code : Math.min(1, broken.length);
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function words(memory: { server: number; workers: number } | undefined): string {
  return memory ? `${memory.server} and ${memory.workers}` : '';
}

function readArguments() {
  const { values } = parse();
  const minutes = Number(values.minutes ?? 10);
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  if (!(minutes > 0 && minutes <= 1440))
    throw new UsageError(`--minutes ${values.minutes} is no time up to 1440`);
  if (!Number.isInteger(seed)) throw new UsageError(`--seed ${values.seed} is no whole number`);
  return { minutes, seed, spareWorkers: values['spare-workers'] ?? false, help: values.help ?? false };
}

function parse() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        'spare-workers': { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** mulberry32. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// libdatachannel's threads would keep the process; all that matters is closed.
process.exit(await main().catch((error: unknown) => exitCode(error, 'soak')));
