/** Half a minute of `npm run soak`; the whole is ten. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startNode } from '../helpers/child.ts';
import { seedOfRun } from '../helpers/mutate.ts';

test('clients that come, go, drop out and record at random leave nothing behind and lack nothing', async () => {
  const seed = seedOfRun();
  const args = ['tools/soak.ts', '--minutes', '0.5', '--seed', String(seed)];
  const { process: child, output } = startNode(args, { PATH: process.env.PATH, HOME: process.env.HOME });
  const [code] = await once(child, 'close');
  console.info(output());
  expect(output()).not.toContain('BROKEN');
  expect(code).toBe(0);
  for (const action of ['publish', 'join by WHEP', 'join by WebSocket', 'leave'])
    expect(output()).toContain(action);
}, 180_000);
