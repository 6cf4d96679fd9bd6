/** What a server's `/metrics` says. */
import { ADMIN_KEY } from './camera-api.ts';

export type Scraped = {
  text: string;
  /** The sum of a metric's values whose labels are these, and perhaps more; undefined if there are none. */
  value(name: string, labels?: Record<string, string>): number | undefined;
};

/** @throws Error unless it answers with 200. */
export async function scrape(url: string): Promise<Scraped> {
  const response = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
  if (!response.ok) throw new Error(`/metrics: ${response.status}`);
  const text = await response.text();
  return { text, value: (name, labels = {}) => sum(text, name, labels) };
}

function sum(text: string, name: string, labels: Record<string, string>): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const values = text.split('\n').flatMap((line) => {
    const [, metric, given = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return metric === name && wanted.every((label) => given.split(',').includes(label))
      ? [Number(value)]
      : [];
  });
  return values.length > 0 ? values.reduce((total, value) => total + value, 0) : undefined;
}
