import { expect, test } from 'vitest';
import type { LiveMessageOf, Parts, StreamRow } from '../../../../server/protocol/live.ts';
import { judge } from '../../../../web/admin/judge.ts';
import { isKnown, type Model, merged } from '../../../../web/admin/model.ts';
import { sortedBy } from '../../../../web/admin/sorted-table.tsx';

const PARTS: Parts = {
  health: { ready: true, reason: null, overloaded: false, eventLoopDelay: 3 },
  totals: {
    ...{ streams: 0, viewers: 0, waiting: 0, received: null, sent: null },
    ...{ connections: 1, sockets: 0, memory: 1e8, cpu: 0 },
  },
  joins: { window: 600, join: null, firstFrame: null },
  refusals: { window: 600, codes: [] },
  ended: [],
  workers: [{ index: 0, pid: 1, load: 0.2, transports: 0, pipes: 0, memory: null }],
  deaths: 0,
  recordings: { recording: 0, finishing: 0, failures: 0, damaged: 0, free: 1e12 },
  cameras: [],
};

const stream = (id: string, more: Partial<StreamRow> = {}): StreamRow => ({
  ...{ stream: id, title: '', state: 'live', since: 0, viewers: 0 },
  ...{ publisher: null, recording: false, camera: false, notices: 0 },
  ...more,
});

const update = (more: Partial<LiveMessageOf<'update'>>): LiveMessageOf<'update'> => ({
  ...{ type: 'update', at: 20_000, full: false, parts: {}, streams: [], gone: [] },
  ...more,
});

const WELCOME: LiveMessageOf<'welcome'> = {
  type: 'welcome',
  about: {
    ...{ version: '1', node: 'v24', mediasoup: '3', startedAt: 0, workers: 2, maxLoad: 0.85, whep: true },
    loads: { everyMs: 10_000, at: 10_000, rows: [[0.5, null]] },
  },
};

test('what comes is merged: parts whole, streams one by one', () => {
  let model: Model = merged({}, WELCOME);
  expect(isKnown(model)).toBe(false);
  model = merged(model, update({ full: true, parts: PARTS, streams: [stream('a'), stream('b')] }));
  expect(isKnown(model)).toBe(true);
  // What was before it came from the server, in times of seconds.
  expect(model.loads).toEqual({
    times: [10, 20],
    lines: [
      [0.5, 0.2],
      [null, null],
    ],
  });
  model = merged(
    model,
    update({ streams: [stream('a', { viewers: 3 })], gone: ['b'], parts: { deaths: 2 } }),
  );
  expect([...(model.streams ?? [])]).toEqual([['a', stream('a', { viewers: 3 })]]);
  expect(model.parts).toMatchObject({ deaths: 2, health: { ready: true } });
  // After a connection was lost, all of it comes again.
  model = merged(model, update({ full: true, parts: PARTS, streams: [stream('c')] }));
  expect([...(model.streams?.keys() ?? [])]).toEqual(['c']);
});

test('how it stands, and why', () => {
  const of = (more: Partial<Parts>, streams: StreamRow[] = []) => judge({ ...PARTS, ...more }, streams, 0.85);
  expect(of({})).toMatchObject({ tone: 'good', reasons: [] });
  expect(
    of({ health: { ...PARTS.health, ready: false, reason: '1 of 2 media workers alive' } }),
  ).toMatchObject({
    tone: 'bad',
    verdict: 'notReady',
    told: '1 of 2 media workers alive',
  });
  expect(of({ health: { ...PARTS.health, overloaded: true } }).tone).toBe('bad');
  expect(of({ deaths: 1 })).toMatchObject({
    tone: 'busy',
    reasons: [{ what: 'deaths', values: { count: 1 } }],
  });
  expect(of({}, [stream('a', { state: 'away' }), stream('b', { state: 'silent' })]).reasons).toEqual([
    { what: 'interrupted', values: { count: 2 } },
  ]);
  expect(of({ recordings: { ...PARTS.recordings, free: 1e9 } }).tone).toBe('busy');
});

test('rows are sorted as numbers, and names with numbers as people do', () => {
  const columns = [
    { id: 'stream', by: (row: StreamRow) => row.stream },
    { id: 'viewers', by: (row: StreamRow) => row.viewers },
  ];
  const rows = [stream('s10', { viewers: 2 }), stream('s9', { viewers: 10 })];
  const ids = (column: string, descending: boolean) =>
    sortedBy(rows, columns, { column, descending }).map((row) => row.stream);
  expect(ids('stream', false)).toEqual(['s9', 's10']);
  expect(ids('viewers', true)).toEqual(['s9', 's10']);
  expect(ids('viewers', false)).toEqual(['s10', 's9']);
  expect(ids('none', false)).toEqual(['s10', 's9']);
});
