/** The benchmarks run, and have a figure for each server: so small that the figures say nothing. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import * as z from 'zod';

const cell = z.union([z.number(), z.string(), z.null()]);
const output = z.object({
  title: z.string(),
  tables: z.record(z.string(), z.record(z.string(), z.record(z.string(), cell))),
});

test('fanout compares the cost of viewers', async () => {
  const tables = await bench('fanout', '--viewers 3 --workers 1 --rounds 1 --seconds 1 --settle 0');
  const [costs, conditions] = tables;
  const row = costs?.['1 worker, 3 viewers'] ?? {};
  for (const name of ['bare µs/packet', 'Pharos µs/packet', 'ratio', 'bare %/viewer', 'Pharos %/viewer']) {
    expect(row[name], name).toBeGreaterThan(0);
  }
  expect(conditions?.['1 worker, 3 viewers']).toMatchObject({ 'bare: joined': 3, 'Pharos: joined': 3 });
}, 60_000);

test('churn finds what is left of viewers', async () => {
  const tables = await bench('churn', '--cycles 10 --at-once 5 --workers 1 --settle 0.2');
  expect(tables).toHaveLength(2);
  for (const rows of tables) {
    const after = rows['after 10 more'] ?? {};
    expect(after['Node RSS (MB)']).toBeGreaterThan(0);
    // Perhaps those by which Pharos looks at a publisher in its first seconds, beside the publisher's own
    // transport; none of the twenty viewers'.
    expect(after['consumers in Node']).toBeLessThanOrEqual(1);
    expect(after['consumers in workers']).toBeLessThanOrEqual(1);
    expect(after['transports in Node']).toBeLessThanOrEqual(2);
    expect(after['transports in workers']).toBeLessThanOrEqual(2);
  }
}, 60_000);

async function bench(name: string, options: string) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    'bench/run.mjs',
    name,
    '--json',
    ...options.split(' '),
  ]);
  return Object.values(output.parse(JSON.parse(stdout)).tables);
}
