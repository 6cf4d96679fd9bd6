import { expect, test } from 'vitest';
import { LOAD_INTERVAL_MS, LoadHistory } from '../../../workers/media/load-history.ts';

const workers = (...loads: number[]) => loads.map((load, index) => ({ index, load }));

test('the highest of each interval that is over; null for a worker that does not run', () => {
  const history = new LoadHistory(2);
  history.add(workers(0.1, 0.2), 0);
  history.add(workers(0.5, 0.1), 5000);
  expect(history.snapshot().rows).toEqual([]);
  history.add(workers(0.3), LOAD_INTERVAL_MS);
  expect(history.snapshot()).toEqual({ everyMs: LOAD_INTERVAL_MS, at: LOAD_INTERVAL_MS, rows: [[0.5, 0.2]] });
  history.add(workers(0.3), 2 * LOAD_INTERVAL_MS);
  expect(history.snapshot().rows[1]).toEqual([0.3, null]);
});

test('where nothing was looked at there is nothing, and an hour is kept', () => {
  const history = new LoadHistory(1);
  history.add(workers(0.1), 0);
  history.add(workers(0.2), 4 * LOAD_INTERVAL_MS);
  expect(history.snapshot().rows).toEqual([[0.1], [null], [null], [null]]);
  for (let interval = 5; interval < 2000; interval++) history.add(workers(0.2), interval * LOAD_INTERVAL_MS);
  expect(history.snapshot().rows).toHaveLength(360);
});
