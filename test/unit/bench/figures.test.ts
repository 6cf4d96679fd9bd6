import { expect, test } from 'vitest';
import { medians, quantile, round } from '../../../bench/lib/figures.ts';

test('quantile is by nearest rank', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([1, 2, 3, 4], 0.95)).toBe(4);
  expect(quantile([7], 0)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
});

test('medians go figure by figure, without those that were not taken', () => {
  const rounds = [
    { cost: 3, loss: 0 },
    { cost: 1, loss: Number.NaN },
    { cost: 2, loss: 5 },
  ];
  expect(medians(rounds)).toEqual({ cost: 2, loss: 0 });
});

test('rounding keeps three digits', () => {
  expect([12.345, 0.012345, 1234.5, -0.98765].map(round)).toEqual([12.3, 0.0123, 1235, -0.988]);
});
