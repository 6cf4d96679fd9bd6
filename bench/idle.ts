/**
 * Many viewers wait for a stream by WebSocket: what each costs in memory, and, once it is live, the time
 * until all know and some of them have media; beside a server of bare sockets. Linux only.
 *
 *   npm run bench -- idle
 *   npm run bench -- idle --waiting 2000 --media 300 --rounds 3 --workers 2
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Audience } from './lib/audience.ts';
import { CpuWindow } from './lib/cpu.ts';
import { medians, quantile, type Rows, report, round, workersWord } from './lib/figures.ts';
import { heapAfterCollection, INSPECTABLE } from './lib/heap.ts';
import { residentMemory } from './lib/processes.ts';
import { describeSource, publishSource, STREAM } from './lib/source.ts';
import { LOOP_DELAY, loopDelay, pidOf, SUBJECTS, type SubjectName, startSubject } from './lib/subject.ts';

const { values } = parseArgs({
  options: {
    waiting: { type: 'string', default: '2000' },
    media: { type: 'string', default: '300' },
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const [waiting, media, workers, rounds] = [values.waiting, values.media, values.workers, values.rounds].map(
  Number,
) as [number, number, number, number];
/** Of nothing but waiting. */
const QUIET = 5_000;

const rows: Rows = {};
const all = { bare: [] as Figures[], Pharos: [] as Figures[] };
const failures: string[] = [];
for (let each = 0; each < rounds; each++) {
  for (const name of SUBJECTS) {
    console.error(`round ${each + 1} of ${rounds}: ${name}`);
    all[name].push(await run(name));
  }
}
const [bare, pharos] = [medians(all.bare), medians(all.Pharos)];
for (const [name, value] of Object.entries(bare) as [keyof Figures, number][]) {
  rows[name] = { bare: round(value), Pharos: round(pharos[name]), ratio: round(pharos[name] / value) };
}
report(
  `${waiting} viewers wait, ${media} of them take media, ${workersWord(workers)}, medians of ${rounds} rounds; ${describeSource('light')}`,
  {
    'Each figure': rows,
    ...(failures.length > 0 && {
      'Without the event or without media': { [failures.length]: { why: failures[0] ?? '' } },
    }),
  },
  values.json,
);
// libdatachannel's threads would keep the process.
process.exit();

type Figures = Record<
  | 'memory of Node for each (kB)'
  | 'heap of Node for each, garbage collected (kB)'
  | "Node's thread while they wait (% of a core)"
  | 'publishing to "live", median (ms)'
  | 'publishing to "live", last of all (ms)'
  | 'publishing to media, median (ms)'
  | 'publishing to media, last of all (ms)'
  | 'event loop late meanwhile, p99 (ms)',
  number
>;

async function run(name: SubjectName): Promise<Figures> {
  const nodeOptions = `${LOOP_DELAY} ${INSPECTABLE.NODE_OPTIONS}`;
  const subject = await startSubject(name, { workers, nodeOptions });
  const audience = new Audience();
  try {
    const node = pidOf(subject);
    const url = `${subject.url.replace(/^http/, 'ws')}/ws`;
    const whep = `${subject.url}/whep/${STREAM}`;
    const target = { url, stream: STREAM, ...(name === 'bare' && { whep }) };
    await audience.ask('wait', { ...target, count: 1, media: 0 });
    const heap = await heapAfterCollection(subject);
    const memory = residentMemory([node]);
    await audience.ask('wait', { ...target, count: waiting - 1, media });
    const window = new CpuWindow([node]);
    await sleep(QUIET);
    window.end();
    const memoryAfter = residentMemory([node]);
    const heapAfter = await heapAfterCollection(subject);

    await loopDelay(subject);
    const told = audience.ask('whenLive');
    const source = await publishSource(subject.url, 'light');
    const { live, media: taken, failures: failed } = await told;
    failures.push(...failed.map((failure) => `${name}: ${failure}`));
    const after = (times: number[], q: number) => quantile(times, q) - source.postedAt;
    const figures: Figures = {
      'memory of Node for each (kB)': ((memoryAfter - memory) * 1000) / waiting,
      'heap of Node for each, garbage collected (kB)': ((heapAfter - heap) * 1000) / waiting,
      "Node's thread while they wait (% of a core)": window.of([node]).main,
      'publishing to "live", median (ms)': after(live, 0.5),
      'publishing to "live", last of all (ms)': after(live, 1),
      'publishing to media, median (ms)': after(taken, 0.5),
      'publishing to media, last of all (ms)': after(taken, 1),
      'event loop late meanwhile, p99 (ms)': (await loopDelay(subject)).p99,
    };
    await source.stop();
    return figures;
  } finally {
    await audience.close();
    await subject.stop();
  }
}
