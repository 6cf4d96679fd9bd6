import { expect, test } from 'vitest';
import { Reconnect } from '../../../web/lib/reconnect.ts';

test('the delays grow, then stay', () => {
  const reconnect = new Reconnect(() => 0);
  const delays = Array.from({ length: 8 }, () => reconnect.nextDelay());
  expect(delays).toEqual([0, 300, 1200, 2700, 4800, 7000, 7000, 7000]);
  expect(reconnect.attempt).toBe(8);
});

test('jitter of up to a second, but not on the first two tries', () => {
  const reconnect = new Reconnect(() => 0.5);
  expect(Array.from({ length: 6 }, () => reconnect.nextDelay())).toEqual([0, 300, 1700, 3200, 5300, 7500]);
});

test('after a success it begins again', () => {
  const reconnect = new Reconnect(() => 0);
  reconnect.nextDelay();
  reconnect.nextDelay();
  reconnect.reset();
  expect(reconnect.attempt).toBe(0);
  expect(reconnect.nextDelay()).toBe(0);
});
