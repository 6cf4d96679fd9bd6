import { expect, test } from 'vitest';
import { Reconnect } from '../../../web/lib/reconnect.ts';

const delays = (reconnect: Reconnect, count: number) =>
  Array.from({ length: count }, () => reconnect.nextDelay());

test('the delays grow, then stay', () => {
  const reconnect = new Reconnect(() => 0);
  expect(delays(reconnect, 8)).toEqual([0, 300, 1200, 2700, 4800, 7000, 7000, 7000]);
  expect(reconnect.attempt).toBe(8);
});

test('each with a jitter of up to a second', () => {
  expect(delays(new Reconnect(() => 0.5), 7)).toEqual([500, 800, 1700, 3200, 5300, 7500, 7500]);
});

test('told by the server, the first try is made at once, and only that', () => {
  const reconnect = new Reconnect(() => 0.5);
  expect([reconnect.nextDelay(true), reconnect.nextDelay(true)]).toEqual([0, 800]);
});

test('after a success it begins again', () => {
  const reconnect = new Reconnect(() => 0);
  delays(reconnect, 2);
  reconnect.reset();
  expect(reconnect.attempt).toBe(0);
  expect(reconnect.nextDelay()).toBe(0);
});
