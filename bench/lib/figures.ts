/** How measurements are told. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** Nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Of objects of figures, member by member; NaN stands for a figure that was not taken. */
export function medians<T extends Record<string, number>>(all: readonly T[]): T {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, median(all.map((each) => each[name] ?? Number.NaN).filter(Number.isFinite))]),
  ) as T;
}

/** To three digits that matter. */
export function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

export const workersWord = (count: number): string => `${count} ${count === 1 ? 'worker' : 'workers'}`;

/** Of an option such as "10,50,100". */
export function list(text: string): number[] {
  return text.split(',').map(Number);
}

export function spread(values: readonly number[]): Record<string, number> {
  const figures = {
    median: quantile(values, 0.5),
    p95: quantile(values, 0.95),
    least: Math.min(...values),
    most: Math.max(...values),
  };
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value)]));
}

export function machine(): string {
  const version = (name: string) =>
    JSON.parse(readFileSync(join(import.meta.dirname, '../../node_modules', name, 'package.json'), 'utf8'))
      .version;
  const packages = ['mediasoup', 'node-datachannel'].map((name) => `${name} ${version(name)}`);
  return [`${cpus().length} x ${cpus()[0]?.model}`, `Node ${process.version}`, ...packages].join(', ');
}

export type Rows = Record<string, Record<string, number | string>>;

/** Prints tables, or with `json` the same for machines. */
export function report(title: string, tables: Record<string, Rows>, json = false): void {
  const heading = `${title}; ${machine()}; ${new Date().toISOString().slice(0, 10)}`;
  if (json) {
    console.log(JSON.stringify({ title: heading, tables }));
    return;
  }
  console.log(heading);
  for (const [caption, rows] of Object.entries(tables)) {
    console.log(`\n${caption}`);
    console.table(rows);
  }
}
