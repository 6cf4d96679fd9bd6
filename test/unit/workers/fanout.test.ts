import { describe, expect, test } from 'vitest';
import { chooseWorker } from '../../../workers/media/fanout.ts';
import { WorkerLoad } from '../../../workers/media/load.ts';

describe('the worker for one more viewer', () => {
  const worker = (value: number) => ({ load: { value } });
  const choose = (loads: number[], { piped = [] as number[], maxLoad = 0.85 } = {}) => {
    const workers = loads.map(worker);
    const [home] = workers;
    if (!home) throw new Error('no home');
    const carries = (each: (typeof workers)[number]) => piped.includes(workers.indexOf(each));
    const chosen = chooseWorker({ home, workers, carries, maxLoad });
    return chosen && workers.indexOf(chosen);
  };

  test.each([
    ['home while it is light, however idle the others', [0.29, 0, 0], {}, 0],
    ['the least busy one when home is busy', [0.5, 0.3, 0.1], {}, 2],
    ['home if no other is so much less busy that a pipe pays', [0.5, 0.4, 0.36], {}, 0],
    ['one that has the stream already for less', [0.5, 0.4, 0.36], { piped: [1] }, 1],
    ['home if all are alike', [0.5, 0.5, 0.5], { piped: [1, 2] }, 0],
    ['whoever is below the limit, pipe or not', [0.9, 0.84, 0.95], {}, 1],
    ['none if all are at the limit', [0.9, 0.85, 1], {}, undefined],
    ['none on a machine of one core that is at a low limit', [0.2], { maxLoad: 0.2 }, undefined],
  ] as const)('%s', (_, loads, options, chosen) => {
    expect(choose([...loads], { ...options, piped: [...('piped' in options ? options.piped : [])] })).toBe(
      chosen,
    );
  });
});

describe('load', () => {
  const MEGABIT = 1e6;

  test('is the CPU time used, smoothed', () => {
    const load = new WorkerLoad();
    load.sample(10, 0);
    expect(load.value).toBe(0);
    load.sample(10.4, 1000);
    expect(load.value).toBeCloseTo(0.2);
    for (let second = 2; second < 12; second++) load.sample(10 + 0.4 * second, second * 1000);
    expect(load.value).toBeCloseTo(0.4, 2);
    expect(load.cpuSeconds).toBeCloseTo(14.4);
  });

  test('is a core at most, however late or close together the samples', () => {
    const load = new WorkerLoad();
    load.sample(0, 0);
    load.sample(0.9, 10);
    expect(load.value).toBeLessThanOrEqual(1);
    load.sample(0.9, 10);
    expect(load.value).toBeLessThanOrEqual(1);
  });

  test('counts what was given to a worker before it shows in CPU time, and not twice afterwards', () => {
    const load = new WorkerLoad();
    load.sample(0, 0);
    load.sample(0, 1000);
    for (let viewer = 0; viewer < 100; viewer++) load.expect(2 * MEGABIT);
    const expected = load.value;
    expect(expected).toBeGreaterThan(0.2);
    // In reality they cost but half of that.
    let cpu = 0;
    for (let second = 2; second < 20; second++) {
      cpu += expected / 2;
      load.sample(cpu, second * 1000);
    }
    expect(load.value).toBeCloseTo(expected / 2, 2);
  });

  test('goes by what the worker itself has shown a bit to cost', () => {
    const loadOf = (coresFor100Megabits: number) => {
      const load = new WorkerLoad();
      load.expect(100 * MEGABIT);
      for (let second = 0; second < 20; second++) load.sample(coresFor100Megabits * second, second * 1000);
      load.expect(100 * MEGABIT);
      return load.value;
    };
    expect(loadOf(0.1)).toBeCloseTo(0.2, 2);
    expect(loadOf(0.4)).toBeCloseTo(0.8, 2);
    // A stream that stands still costs nothing now; it may move on.
    expect(loadOf(0)).toBeGreaterThan(0.05);
  });

  test('falls as soon as viewers leave, each counted once, and never below nothing', () => {
    const load = new WorkerLoad();
    const leave = Array.from({ length: 100 }, () => load.expect(2 * MEGABIT));
    const full = load.value;
    for (const each of leave.slice(50)) each();
    leave[99]?.();
    expect(load.value).toBeCloseTo(full / 2);
    for (const each of leave) each();
    expect(load.value).toBe(0);
    load.sample(0, 0);
    load.sample(0, 1000);
    expect(load.value).toBe(0);
  });
});
