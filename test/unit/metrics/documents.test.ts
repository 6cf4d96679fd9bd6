/** docs/grafana-dashboard.json, docs/alerts.yml and docs/metrics.md name what is exported, by the labels it has. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { Metrics } from '../../../server/metrics/metrics.ts';
import { FACTS } from './facts.ts';

const read = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

const alerts = z
  .strictObject({
    groups: z.array(
      z.strictObject({
        name: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^Pharos\w+$/),
            expr: z.string(),
            for: z
              .string()
              .regex(/^\d+[smh]$/)
              .optional(),
            labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info']) }),
            annotations: z.strictObject({ summary: z.string(), description: z.string().optional() }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(read('alerts.yml')));
const rules = alerts.groups.flatMap((group) => group.rules);

const datasource = z.strictObject({
  type: z.literal('prometheus'),
  uid: z.string().regex(/^\$\{datasource\}$/),
});
const dashboard = z
  .looseObject({
    title: z.literal('Pharos'),
    schemaVersion: z.number(),
    templating: z.looseObject({ list: z.array(z.looseObject({ name: z.string(), type: z.string() })) }),
    panels: z.array(
      z.looseObject({
        id: z.number(),
        title: z.string(),
        gridPos: z.strictObject({ h: z.number(), w: z.number(), x: z.number(), y: z.number() }),
        datasource: datasource.optional(),
        targets: z.array(z.looseObject({ expr: z.string(), datasource })).optional(),
      }),
    ),
  })
  .parse(JSON.parse(read('grafana-dashboard.json')));
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr })),
);

/** Of metrics and of what a histogram is made of: type and label names. */
const exported = new Map<string, { type: string; labels: string[] }>();

beforeAll(async () => {
  const metrics = new Metrics(async () => FACTS);
  metrics.joins.accepted({ kind: 'watch', protocol: 'whep' });
  metrics.joins.connected({ kind: 'watch', protocol: 'whep' }, 100);
  metrics.joins.firstFrame(100);
  const text = await metrics.text();
  const types = new Map(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]),
  );
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const type = types.get(name) ?? types.get(name.replace(/_(bucket|sum|count)$/, '')) ?? 'none';
    exported.set(name, { type, labels: [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label) });
  }
});

const WORDS = /^(and|or|unless|bool|offset)$/;
const GROUPINGS = /\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;

/** The metrics that an expression names, each with the labels that it is selected by. */
function selectors(expr: string): { name: string; labels: string[] }[] {
  const rest = expr.replace(GROUPINGS, ' ').replace(/\[[^\]]*\]/g, ' ');
  const found = rest.matchAll(/([a-z_]\w*)\s*(\(|\{([^}]*)\})?|"[^"]*"|\d[\w.]*/gi);
  return [...found].flatMap(([, name, bracket, matchers = '']) =>
    name === undefined || bracket === '(' || WORDS.test(name)
      ? []
      : [{ name, labels: [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label) }],
  );
}

function faults(expr: string): string[] {
  const named = selectors(expr);
  // Those that Prometheus adds.
  const known = new Set([
    'job',
    'instance',
    ...named.flatMap(({ name }) => exported.get(name)?.labels ?? []),
  ]);
  const grouped = [...expr.matchAll(GROUPINGS)].flatMap(([, , labels = '']) =>
    labels.split(',').map((label) => label.trim()),
  );
  return [
    ...named.filter(({ name }) => !exported.has(name)).map(({ name }) => `${name} is not exported`),
    ...[...named.flatMap(({ labels }) => labels), ...grouped]
      .filter((label) => label !== '' && !known.has(label))
      .map((label) => `there is no label ${label}`),
    ...(named.length === 0 ? ['no metric is named'] : []),
  ];
}

describe('a wrong name is found', () => {
  test.each([
    ['rate(pharos_gone_total[5m]) > 0', 'pharos_gone_total is not exported'],
    ['sum by (colour) (pharos_streams)', 'there is no label colour'],
    ['pharos_viewers{color="red"}', 'there is no label color'],
    ['1 + 1', 'no metric is named'],
  ])('%s', (expr, fault) => {
    expect(faults(expr)).toEqual([fault]);
  });
});

describe('docs/alerts.yml', () => {
  test.each(rules)('$alert', ({ expr, annotations }) => {
    expect(faults(expr)).toEqual([]);
    const used = Object.values(annotations).flatMap((text) => [...(text ?? '').matchAll(/\$labels\.(\w+)/g)]);
    const labels = ['instance', ...selectors(expr).flatMap(({ name }) => exported.get(name)?.labels ?? [])];
    for (const [, label] of used) expect(labels).toContain(label);
  });

  test('each has a name of its own', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
});

describe('docs/grafana-dashboard.json', () => {
  test.each(queries)('$title: $expr', ({ expr }) => {
    expect(faults(expr)).toEqual([]);
  });

  test('asks which Prometheus by a variable, and has every panel in a place of its own', () => {
    expect(dashboard.templating.list).toContainEqual(
      expect.objectContaining({ name: 'datasource', type: 'datasource', query: 'prometheus' }),
    );
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const places = panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
    expect(new Set(places).size).toBe(places.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  test('shows all that is ours', () => {
    const shown = queries.flatMap(({ expr }) => selectors(expr).map(({ name }) => name));
    const ours = [...exported.keys()].filter((name) => /^pharos_/.test(name) && !/_(sum|count)$/.test(name));
    expect(ours.filter((name) => !shown.includes(name))).toEqual([]);
  });
});

test('docs/metrics.md has each metric, with its type and labels, and no other', () => {
  const rows = [...read('metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\|/gm)].map(
    ([, name = '', type = '', labels = '']) => [name, `${type}: ${labels.replaceAll('`', '')}`],
  );
  const ours = [...exported].flatMap(([name, { type, labels }]) => {
    if (!name.startsWith('pharos_') || /_(sum|count)$/.test(name)) return [];
    const own = labels.filter((label) => label !== 'le').join(', ');
    return [[name.replace(/_bucket$/, ''), `${type}: ${own}`]];
  });
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(ours));
});
