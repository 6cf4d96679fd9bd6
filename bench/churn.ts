/**
 * Whether viewers that come and go leave something behind: memory, files, ports and mediasoup's objects
 * before and after many WHEP sessions, each until its first packet, beside the bare server. Linux only.
 *
 *   npm run bench -- churn
 *   npm run bench -- churn --cycles 2000 --at-once 20 --workers 2
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Audience } from './lib/audience.ts';
import { type Rows, report, round, workersWord } from './lib/figures.ts';
import { countMediaObjects, heapAfterCollection, INSPECTABLE } from './lib/heap.ts';
import { summedHoldings } from './lib/processes.ts';
import { publishSource, STREAM } from './lib/source.ts';
import { pidOf, SUBJECTS, type Subject, type SubjectName, startSubject } from './lib/subject.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '2000' },
    'at-once': { type: 'string', default: '20' },
    workers: { type: 'string', default: '2' },
    settle: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
});
const cycles = Number(values.cycles);
const atOnce = Number(values['at-once']);
const workers = Number(values.workers);
/** Code is compiled and pools are filled after so many. */
const WARM_UP = Math.min(100, cycles);
/** A session's last traces are gone when its timers are, and Pharos looks at a new publisher for some seconds. */
const settle = Number(values.settle) * 1000;

const tables: Record<string, Rows> = {};
const rates: string[] = [];
for (const name of SUBJECTS) tables[name] = await measure(name);
report(
  `Viewers that come and go, ${atOnce} at once, ${workersWord(workers)}; joins a second: ${rates.join(', ')}`,
  tables,
  values.json,
);
// libdatachannel's threads would keep the process.
process.exit();

async function measure(name: SubjectName): Promise<Rows> {
  const subject = await startSubject(name, { workers, nodeOptions: INSPECTABLE.NODE_OPTIONS });
  const audience = new Audience();
  try {
    const source = await publishSource(subject.url);
    // The inspector is a port and some files itself.
    await heapAfterCollection(subject);
    const cycle = (count: number) =>
      audience.ask('cycle', { url: `${subject.url}/whep/${STREAM}`, count, atOnce });
    const rows: Rows = {};
    const first = await cycle(WARM_UP);
    rows[`after ${WARM_UP}`] = await settled(subject);
    const start = performance.now();
    const half = Math.ceil(cycles / 2);
    const failures = [...first, ...(await cycle(half))];
    const afterHalf = performance.now() - start;
    rows[`after ${half} more`] = await settled(subject);
    failures.push(...(await cycle(cycles - half)));
    rows[`after ${cycles} more`] = await settled(subject);
    rates.push(`${name} ${round((half * 1000) / afterHalf)}`);
    if (failures.length > 0) rows[`${failures.length} FAILED`] = { why: failures[0] ?? '' };
    await source.stop();
    return rows;
  } finally {
    await audience.close();
    await subject.stop();
  }
}

async function settled(subject: Subject) {
  await sleep(settle);
  // Memory of the process first: V8 gives back little of what it has collected.
  const holdings = summedHoldings(pidOf(subject));
  return {
    ...holdings,
    'Node heap, collected (MB)': await heapAfterCollection(subject),
    ...(await countMediaObjects(subject)),
  };
}
