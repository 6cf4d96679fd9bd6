import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { freeBytes, judgeSpace, SpaceGuard, type SpaceState } from '../../../server/recordings/space.ts';

let guard: SpaceGuard | undefined;
afterEach(() => guard?.close());

test('low below the least, enough again only a little above it', () => {
  expect(judgeSpace(1000, 1000, 'enough')).toBe('enough');
  expect(judgeSpace(999, 1000, 'enough')).toBe('low');
  expect(judgeSpace(1050, 1000, 'low')).toBe('low');
  expect(judgeSpace(1100, 1000, 'low')).toBe('enough');
  expect(judgeSpace(0, 0, 'enough')).toBe('enough');
});

test('tells of each change once', async () => {
  let free = 500;
  guard = new SpaceGuard({ folder: '/', minFree: 100, pollMs: 5, measure: async () => free });
  const changes: SpaceState[] = [];
  guard.on('change', (state) => changes.push(state));
  expect(await guard.check()).toBe('enough');
  free = 50;
  await expect.poll(() => changes).toEqual(['low']);
  expect(guard.state).toBe('low');
  free = 500;
  await expect.poll(() => changes).toEqual(['low', 'enough']);
});

test('a folder that cannot be measured changes nothing', async () => {
  guard = new SpaceGuard({ folder: '/nowhere/at/all', minFree: 100 });
  expect(await guard.check()).toBe('enough');
});

test('the real thing', async () => {
  expect(await freeBytes(tmpdir())).toBeGreaterThan(0);
});
