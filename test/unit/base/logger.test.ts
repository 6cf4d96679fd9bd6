import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createLogger } from '../../../server/base/logger.ts';

const MODULE = join(import.meta.dirname, '../../../server/base/logger.ts');

function sink() {
  const lines: string[] = [];
  return { lines, write: (line: string) => void lines.push(line) };
}

test('JSON: one line per entry, with its fields', () => {
  const out = sink();
  const logger = createLogger({ level: 'info', format: 'json' }, out);
  logger.debug('not this');
  logger.info({ streamId: 'a' }, 'live');
  expect(out.lines).toHaveLength(1);
  expect(JSON.parse(out.lines[0] ?? '')).toMatchObject({ level: 30, streamId: 'a', msg: 'live' });
});

test('text: readable, without colours where it is not a terminal', () => {
  const out = sink();
  createLogger({ level: 'info', format: 'text' }, out).warn({ viewers: 3 }, 'ended');
  expect(out.lines.join('')).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: ended\n {4}viewers: 3\n$/);
});

test('secrets are not logged, wherever they stand', () => {
  const out = sink();
  const logger = createLogger({ level: 'info', format: 'json' }, out);
  logger.info({
    key: 'hunter2',
    request: { key: 'hunter2', type: 'publish' },
    config: { auth: { publishKey: 'hunter2' }, turn: { secret: 'hunter2' } },
    servers: [{ urls: ['turn:x'], credential: 'hunter2' }],
    headers: { authorization: 'hunter2', cookie: 'hunter2' },
    password: 'hunter2',
  });
  logger.child({ token: 'hunter2' }).info('child');
  expect(out.lines.join('')).not.toContain('hunter2');
  expect(JSON.parse(out.lines[0] ?? '')).toMatchObject({
    key: '***',
    request: { key: '***', type: 'publish' },
  });
});

test.each(['json', 'text'])('what was logged just before the process exits is there (%s)', async (format) => {
  const program = `
    import { createLogger } from ${JSON.stringify(MODULE)};
    const logger = createLogger({ level: 'info', format: ${JSON.stringify(format)} });
    for (let i = 0; i < 500; i++) logger.info('line');
    logger.fatal('last words');
    process.exit(1);`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  expect(stdout).toContain('last words');
  expect(stdout.trimEnd().split('\n')).toHaveLength(501);
});
