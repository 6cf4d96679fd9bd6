import { expect, test } from 'vitest';
import { SourceWatch } from '../../../server/streams/source-watch.ts';

const NOTHING = { limitation: 'none', weak: false };

/** Looks every two seconds, at each of which 200 packets more were to come, and this share of them did not. */
function counting(watch: SourceWatch, from = 0) {
  let [packets, lost, now] = [0, 0, from];
  return (share: number) => {
    now += 2000;
    packets += 200 * (1 - share);
    lost += 200 * share;
    return watch.count({ packets, lost }, now);
  };
}

test('what limits it is told when two reports in a row say so, and taken back likewise', () => {
  const watch = new SourceWatch();
  const said = (['cpu', 'none', 'cpu', 'cpu', 'none', 'cpu', 'none', 'none'] as const).map(
    (limitation, index) => watch.report({ limitation }, index * 5000),
  );
  expect(said).toEqual([false, false, false, true, false, false, false, true]);
  expect(watch.value).toEqual(NOTHING);
});

test('who says nothing any more is limited by nothing known', () => {
  const watch = new SourceWatch();
  for (const now of [0, 5000]) watch.report({ limitation: 'bandwidth' }, now);
  const count = counting(watch, 5000);
  expect([count(0), count(0), watch.value.limitation]).toEqual([false, false, 'bandwidth']);
  expect(Array.from({ length: 10 }, () => count(0)).filter(Boolean)).toHaveLength(1);
  expect(watch.value).toEqual(NOTHING);
});

test('an upload that loses packets is weak until it hardly does any more', () => {
  const watch = new SourceWatch();
  const count = counting(watch);
  for (let look = 0; look < 10; look++) expect(count(0.01)).toBe(false);
  const until = (share: number) => {
    for (let looks = 1; looks < 30; looks++) if (count(share)) return looks;
    throw new Error('nothing changed');
  };
  expect(until(0.1)).toBeLessThanOrEqual(3);
  expect(watch.value.weak).toBe(true);
  // Between the two thresholds nothing changes.
  for (let look = 0; look < 30; look++) expect(count(0.03)).toBe(false);
  expect(until(0)).toBeGreaterThan(1);
  expect(watch.value).toEqual(NOTHING);
});

test('a handful of packets, and some that were only late, say nothing', () => {
  const watch = new SourceWatch();
  expect(watch.count({ packets: 5, lost: 5 }, 2000)).toBe(false);
  expect(watch.count({ packets: 300, lost: 15 }, 4000)).toBe(false);
  expect(watch.count({ packets: 600, lost: 2 }, 6000)).toBe(false);
  expect(watch.value).toEqual(NOTHING);
});
