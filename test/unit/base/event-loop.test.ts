import { afterEach, expect, test } from 'vitest';
import { EventLoopWatch, Overload } from '../../../server/base/event-loop.ts';

test('overloaded after three samples in a row above the limit, until as many in a row are not', () => {
  const overload = new Overload(200);
  const judged = (...delays: number[]) =>
    delays.map((delay) => {
      overload.sample(delay);
      return overload.overloaded;
    });
  expect(judged(200, 200, 200, 200)).toEqual([false, false, false, false]);
  expect(judged(900, 900, 0, 900, 900)).toEqual([false, false, false, false, false]);
  expect(judged(201)).toEqual([true]);
  expect(judged(0, 0, 300, 0, 200)).toEqual([true, true, true, true, true]);
  expect(judged(0)).toEqual([false]);
  expect(judged(300, 300, 300)).toEqual([false, false, true]);
});

const watches: EventLoopWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
});

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('a loop whose turns take long is seen, and that it has caught up', { timeout: 30_000 }, async () => {
  const told: boolean[] = [];
  const watch = new EventLoopWatch({ limit: 150, onChange: ({ overloaded }) => told.push(overloaded) });
  watches.push(watch);
  while (!watch.overloaded) {
    busy(400);
    await new Promise(setImmediate);
  }
  expect(watch.snapshot().delay).toBeGreaterThan(300);
  expect(told).toEqual([true]);
  await expect.poll(() => watch.overloaded, { timeout: 20_000 }).toBe(false);
  expect(told).toEqual([true, false]);
});

test('turns longer than the time between two looks are seen too', { timeout: 30_000 }, async () => {
  const watch = new EventLoopWatch({ limit: 150, onChange: () => {} });
  watches.push(watch);
  while (!watch.overloaded) {
    busy(1300);
    await new Promise(setImmediate);
  }
  expect(watch.snapshot().delay).toBeGreaterThan(1000);
});
