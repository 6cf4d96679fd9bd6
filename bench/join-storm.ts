/**
 * Many viewers at once: how long they take to join and to their first packet, how many fail, how many
 * key frames the publisher is asked for, and how late the server's event loop is meanwhile; beside the
 * bare server. First a storm, then a stream of joins with as many present.
 *
 *   npm run bench -- join-storm
 *   npm run bench -- join-storm --storm 200 --within 5 --joins 1000 --over 60 --rounds 3 --workers 2
 *   npm run bench -- join-storm --ws     Pharos by WebSocket, as its pages join, beside the bare server by WHEP
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Audience } from './lib/audience.ts';
import { CpuWindow } from './lib/cpu.ts';
import { median, quantile, type Rows, report, round, workersWord } from './lib/figures.ts';
import { droppedBy } from './lib/sockets.ts';
import { describeSource, publishSource, type Source, STREAM } from './lib/source.ts';
import {
  LOOP_DELAY,
  type LoopDelay,
  loopDelay,
  pidOf,
  SUBJECTS,
  type Subject,
  type SubjectName,
  startSubject,
  workersOf,
} from './lib/subject.ts';
import type { Join, Joined, JoinOptions, Target } from './lib/viewers.ts';

const { values } = parseArgs({
  options: {
    storm: { type: 'string', default: '200' },
    within: { type: 'string', default: '5' },
    joins: { type: 'string', default: '1000' },
    over: { type: 'string', default: '60' },
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    ws: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const [storm, within, joins, over, workers, rounds] = [
  values.storm,
  values.within,
  values.joins,
  values.over,
  values.workers,
  values.rounds,
].map(Number) as [number, number, number, number, number, number];
/** Milliseconds that one of the later joins stays. */
const STAY = 2_000;
/** Those who left are gone, those who came have what they joined for. */
const SETTLE = 2_000;
/** The first viewers are what makes V8 compile; what is measured is a server that has been up for a while. */
const WARM_UP = 20;
/** Pharos looks at each packet of a new publisher for some seconds: encoder-trace.ts. */
const STARTED = 8_000;

type Phase = {
  joins: Join[];
  failures: string[];
  keyFrames: number;
  /** Packets at the workers' sockets: lost to media, and to handshakes, which then wait for a second. */
  dropped: number;
  loop: LoopDelay;
  node: number;
  idle: number;
};

const rows: Rows = {};
const all: Record<SubjectName, Phase[][]> = { bare: [], Pharos: [] };
for (let each = 0; each < rounds; each++) {
  for (const name of SUBJECTS) {
    console.error(`round ${each + 1} of ${rounds}: ${name}`);
    all[name].push(await run(name));
  }
}
for (const [index, title] of [
  `${storm} within ${within} s`,
  `${joins} over ${over} s, ${storm} present`,
].entries()) {
  const [bare, pharos] = SUBJECTS.map((name) => summary(all[name].flatMap((phases) => phases[index] ?? [])));
  rows[`${title}: bare`] = bare ?? {};
  rows[`${title}: Pharos${values.ws ? ' by WebSocket' : ''}`] = pharos ?? {};
  rows[`${title}: ratio`] = ratios(bare ?? {}, pharos ?? {});
}
report(
  `Joins, ${workersWord(workers)}, ${rounds} rounds: ${describeSource('light')}`,
  { 'Milliseconds; of the event loop how late it was (medians of the rounds)': rows },
  values.json,
);
// libdatachannel's threads would keep the process.
process.exit();

async function run(name: SubjectName): Promise<Phase[]> {
  const subject = await startSubject(name, { workers, nodeOptions: LOOP_DELAY });
  // Those who join have a process to themselves, which is not busy with what others receive.
  const [first, present, second] = [new Audience(), new Audience(), new Audience()];
  try {
    const source = await publishSource(subject.url, 'light');
    const target = targetOf(name, subject);
    const phase = (audience: Audience, options: Omit<JoinOptions, keyof Target>) =>
      measure(subject, source, () => audience.ask('join', { ...target, ...options }));
    for (const audience of [first, second]) {
      await audience.ask('cycle', { ...target, count: WARM_UP, atOnce: 4 });
    }
    await sleep(STARTED);
    const stormed = await phase(first, { count: storm, counted: storm, within: within * 1000 });
    await first.ask('leave');
    await present.ask('join', { ...target, count: storm });
    await sleep(SETTLE);
    const joined = await phase(second, { count: joins, counted: joins, within: over * 1000, stay: STAY });
    await source.stop();
    return [stormed, joined];
  } finally {
    await Promise.all([first, present, second].map((audience) => audience.close()));
    await subject.stop();
  }
}

async function measure(subject: Subject, source: Source, join: () => Promise<Joined>): Promise<Phase> {
  const node = pidOf(subject);
  const workers = workersOf(subject);
  await loopDelay(subject);
  const keyFrames = source.keyFramesAsked();
  const dropped = droppedBy(workers);
  const window = new CpuWindow([node]);
  const joined = await join();
  window.end();
  return {
    ...joined,
    keyFrames: source.keyFramesAsked() - keyFrames,
    dropped: droppedBy(workers) - dropped,
    loop: await loopDelay(subject),
    node: window.of([node]).main,
    idle: window.machine().idle,
  };
}

function targetOf(name: SubjectName, { url }: Subject): Target {
  if (name === 'Pharos' && values.ws) return { url: `${url.replace(/^http/, 'ws')}/ws`, stream: STREAM };
  return { url: `${url}/whep/${STREAM}` };
}

function summary(phases: readonly Phase[]): Rows[string] {
  const all = phases.flatMap((phase) => phase.joins);
  const failures = phases.flatMap((phase) => phase.failures);
  const times = (of: (join: Join) => number) => all.map(of);
  const each = (of: (phase: Phase) => number) => round(median(phases.map(of)));
  return {
    'answered, median': round(
      quantile(
        times(({ answer }) => answer),
        0.5,
      ),
    ),
    'answered, p95': round(
      quantile(
        times(({ answer }) => answer),
        0.95,
      ),
    ),
    'joined, median': round(
      quantile(
        times(({ connected }) => connected),
        0.5,
      ),
    ),
    'joined, p95': round(
      quantile(
        times(({ connected }) => connected),
        0.95,
      ),
    ),
    'first packet, median': round(
      quantile(
        times(({ first }) => first),
        0.5,
      ),
    ),
    'first packet, p95': round(
      quantile(
        times(({ first }) => first),
        0.95,
      ),
    ),
    'first packet, most': round(Math.max(...times(({ first }) => first))),
    'dropped on the way in': each(({ dropped }) => dropped),
    failed: failures.length > 0 ? `${failures.length}: ${failures[0]}` : 0,
    'key frames asked': each(({ keyFrames }) => keyFrames),
    'loop p99': each(({ loop }) => loop.p99),
    'loop max': each(({ loop }) => loop.max),
    'Node thread %': each(({ node }) => node),
    'idle %': each(({ idle }) => idle),
  };
}

function ratios(bare: Rows[string], pharos: Rows[string]): Rows[string] {
  const compared = [
    'answered, median',
    'answered, p95',
    'joined, median',
    'joined, p95',
    'first packet, median',
    'first packet, p95',
  ];
  return Object.fromEntries(compared.map((name) => [name, round(Number(pharos[name]) / Number(bare[name]))]));
}
