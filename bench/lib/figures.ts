/** How measurements are told. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** Nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
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
