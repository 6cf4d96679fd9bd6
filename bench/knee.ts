/**
 * How many viewers this machine can serve: more and more join until what they lose passes 0.1 %, and
 * what was at its limit by then. Linux only.
 *
 *   npm run bench -- knee
 *   npm run bench -- knee --from 50 --step 25 --most 600 --workers 1,2 --seconds 6
 *   npm run bench -- knee --parked     viewers stopped while it measures: the server's limit, not theirs
 */
import { parseArgs } from 'node:util';
import { list, type Rows, report, round, workersWord } from './lib/figures.ts';
import { Load, type LoadFigures, STARTED } from './lib/load.ts';
import { describeSource } from './lib/source.ts';
import { SUBJECTS, type SubjectName } from './lib/subject.ts';

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '50' },
    step: { type: 'string', default: '25' },
    most: { type: 'string', default: '600' },
    workers: { type: 'string', default: '1,2' },
    seconds: { type: 'string', default: '6' },
    settle: { type: 'string', default: STARTED },
    parked: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const [from, step, most, seconds] = [values.from, values.step, values.most, values.seconds].map(Number) as [
  number,
  number,
  number,
  number,
];
const LOSS = 0.1;
/** Percent of a core, or of the machine: who has this has no more to give. */
const FULL = 95;

/** Percent of a core. */
const DISTURBING = 30;

const steps: Rows = {};
const knees: Rows = {};
for (const workers of list(values.workers)) {
  for (const name of SUBJECTS) knees[`${name}, ${workersWord(workers)}`] = await climb(name, workers);
}
report(
  `The knee: ${describeSource('full')}; loss over ${seconds} s${values.parked ? '; viewers that do not count it stopped' : ''}`,
  { 'All steps (% of a core; idle: of the machine)': steps, 'Where loss passed 0.1 %': knees },
  values.json,
);
// libdatachannel's threads would keep the process.
process.exit();

async function climb(name: SubjectName, workers: number): Promise<Rows[string]> {
  const load = await Load.create(name, { workers, parked: values.parked, settle: Number(values.settle) });
  let served = 0;
  try {
    for (let wanted = from; wanted <= most; wanted += step) {
      console.error(`${name}, ${workersWord(workers)}: ${wanted} viewers`);
      const [failure] = await load.add(wanted - load.viewers);
      const figures = await measured(load);
      const row = describe(figures);
      steps[`${name}, ${workersWord(workers)}, ${load.viewers} viewers`] = row;
      const ill = !(figures.loss <= LOSS);
      if (failure || ill) return { 'served well': served, ...row, limit: failure ?? limitOf(figures) };
      served = load.viewers;
    }
    return { 'served well': served, limit: 'not reached' };
  } finally {
    await load.close();
  }
}

/** Loss counts only if it is there most of the time. */
async function measured(load: Load): Promise<LoadFigures> {
  const first = await load.measure(seconds);
  if (first.loss <= LOSS) return first;
  const all = [first, await load.measure(seconds), await load.measure(seconds)];
  const [, middle = first] = all.toSorted((a, b) => a.loss - b.loss);
  return middle;
}

function describe({
  loss,
  drops,
  node,
  workers,
  viewers,
  publisher,
  others,
  machine,
}: LoadFigures): Rows[string] {
  return {
    'loss %': round(loss),
    'workers %': workers.map(({ cpu }) => Math.round(cpu)).join(' + '),
    'Node %': round(node.cpu),
    'viewers %': Math.round(viewers.cpu),
    'publisher %': round(publisher.cpu),
    'others %': round(others),
    'idle %': round(machine.idle),
    'steal %': round(machine.steal),
    'dropped on the way in': drops.server,
    'dropped by viewers': drops.viewers,
  };
}

/** What had no more to give. */
function limitOf({ workers, viewers, others, drops, machine }: LoadFigures): string {
  if (others > DISTURBING) return 'perhaps nothing of this: other processes were busy';
  const fullest = Math.max(...workers.map(({ busiest }) => busiest));
  if (fullest >= FULL) return 'a media worker: its one core';
  if (viewers.busiest >= FULL) return 'the viewers: a thread that receives for all of a process';
  if (machine.idle < 100 - FULL) {
    const ofViewers = Math.round(
      (viewers.cpu * 100) / (viewers.cpu + workers.reduce((sum, { cpu }) => sum + cpu, 0)),
    );
    return `the machine: no core idle, the viewers with ${ofViewers} % of what they and the workers took`;
  }
  return drops.server > 0 ? 'packets lost on the way into the server' : 'nothing that is seen from here';
}
