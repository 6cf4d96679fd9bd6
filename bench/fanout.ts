/**
 * What a viewer costs the server: CPU per viewer and per packet, and memory, at several numbers of
 * viewers (WHEP), beside the bare worker under the same load. Linux only.
 *
 *   npm run bench -- fanout
 *   npm run bench -- fanout --viewers 10,50,100 --workers 1,2 --rounds 3 --seconds 8
 *   npm run bench -- fanout --parked     viewers stopped while it measures: theirs is most of the CPU
 */
import { parseArgs } from 'node:util';
import { list, medians, type Rows, report, round, workersWord } from './lib/figures.ts';
import { Load, type LoadFigures, STARTED } from './lib/load.ts';
import { describeSource } from './lib/source.ts';
import { SUBJECTS, type SubjectName } from './lib/subject.ts';

const { values } = parseArgs({
  options: {
    viewers: { type: 'string', default: '10,50,100,200,400' },
    workers: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    settle: { type: 'string', default: STARTED },
    parked: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
/** Above this, viewers no longer get what they should: the row is marked. */
const LOSS = 0.1;

type Figures = Record<'perPacket' | 'perPacketOfWorkers' | 'perViewer' | 'node' | 'memory', number> &
  Record<'joined' | 'loss' | 'idle' | 'steal' | 'viewers' | 'others', number>;

const costs: Rows = {};
const conditions: Rows = {};
for (const workers of list(values.workers)) {
  for (const viewers of list(values.viewers)) {
    const row = `${workersWord(workers)}, ${viewers} viewers`;
    const all: Record<SubjectName, Figures>[] = [];
    for (let each = 0; each < rounds; each++) {
      console.error(`${row}: round ${each + 1} of ${rounds}`);
      const bare = await run('bare', workers, viewers);
      all.push({ bare, Pharos: await run('Pharos', workers, viewers) });
    }
    add(row, all);
  }
}
report(
  `Fan-out by WHEP: ${describeSource('full')}; medians of ${rounds} rounds of ${seconds} s`,
  {
    'Cost to the server, Node and workers together (µs of CPU per packet sent; % of a core per viewer)':
      costs,
    'Circumstances: a row with loss or without idle time says little about cost (% of a core; idle and steal: of the machine)':
      conditions,
  },
  values.json,
);
// libdatachannel's threads would keep the process.
process.exit();

async function run(name: SubjectName, workers: number, viewers: number): Promise<Figures> {
  const load = await Load.create(name, { workers, parked: values.parked, settle: Number(values.settle) });
  try {
    // Its code is loaded, and compiled in part.
    await load.add(1);
    const memory = load.memory();
    await load.add(viewers - 1);
    const figures = summary(await load.measure(seconds), load.viewers);
    return { ...figures, memory: (load.memory() - memory) / (load.viewers - 1) };
  } finally {
    await load.close();
  }
}

function summary(
  { packets, loss, node, workers, viewers, others, machine }: LoadFigures,
  joined: number,
): Omit<Figures, 'memory'> {
  const ofWorkers = workers.reduce((sum, { cpu }) => sum + cpu, 0);
  const perPacket = (percent: number) => (percent * 1e4) / packets;
  return {
    perPacket: perPacket(node.cpu + ofWorkers),
    perPacketOfWorkers: perPacket(ofWorkers),
    perViewer: (node.cpu + ofWorkers) / joined,
    node: node.main,
    joined,
    loss,
    viewers: viewers.cpu,
    others,
    idle: machine.idle,
    steal: machine.steal,
  };
}

function add(name: string, all: Record<SubjectName, Figures>[]): void {
  const bare = medians(all.map((each) => each.bare));
  const pharos = medians(all.map((each) => each.Pharos));
  // Of each round by itself: what the machine was about meets both alike.
  const ratios = medians(
    all.map(({ bare, Pharos }) => ({
      all: Pharos.perPacket / bare.perPacket,
      workers: Pharos.perPacketOfWorkers / bare.perPacketOfWorkers,
    })),
  );
  costs[name] = {
    'bare µs/packet': round(bare.perPacket),
    'Pharos µs/packet': round(pharos.perPacket),
    ratio: round(ratios.all),
    'ratio, workers only': round(ratios.workers),
    'bare %/viewer': round(bare.perViewer),
    'Pharos %/viewer': round(pharos.perViewer),
    'Pharos, Node thread %': round(pharos.node),
    'bare MB/viewer': round(bare.memory),
    'Pharos MB/viewer': round(pharos.memory),
  };
  conditions[name] = Object.fromEntries(
    SUBJECTS.flatMap((subject) => {
      const { joined, loss, idle, steal, viewers, others } = subject === 'bare' ? bare : pharos;
      return [
        [`${subject}: joined`, joined],
        [`${subject}: loss %`, loss <= LOSS ? round(loss) : `${round(loss)} (!)`],
        [`${subject}: viewers' CPU %`, round(viewers)],
        [`${subject}: others' CPU %`, round(others)],
        [`${subject}: idle %`, round(idle)],
        [`${subject}: steal %`, round(steal)],
      ];
    }),
  );
}
