/** The examples of docs/grants.md, run as they stand. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { configSchema } from '../../../config/schema.ts';
import { asker, authorityOf, KEYS } from '../../helpers/authority.ts';

const ROOT = join(import.meta.dirname, '../../..');
const text = readFileSync(join(ROOT, 'docs/grants.md'), 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1] ?? '');

test.each([
  ['js', [process.execPath, '--input-type=module', '-e']],
  ['python', ['python3', '-c']],
  ['sh', ['sh', '-c']],
] as const)('a token made by %s is taken', async (language, [program, ...options]) => {
  const [example] = blocks(language).filter((block) => block.includes('SECRET'));
  if (!example) throw new Error('no such example');
  const env = { PATH: process.env.PATH, SECRET: KEYS.jwt };
  const token = execFileSync(program, [...options, example], { cwd: ROOT, env, encoding: 'utf8' }).trim();
  const authority = authorityOf({ private: ['*'] });
  const grant = await authority.authorize('watch', 'lecture-1', asker(token));
  expect(grant).toMatchObject({ subject: 'anna', actions: ['watch'] });
  await expect(authority.authorize('watch', 'lecture-2', asker(token))).rejects.toThrow();
});

test('the settings are settings', () => {
  const examples = blocks('yaml');
  expect(examples.length).toBeGreaterThanOrEqual(3);
  for (const example of examples) configSchema.parse(parse(example));
});
