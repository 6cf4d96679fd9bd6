import { expect, test } from 'vitest';
import { effectiveConfig } from '../../../config/effective.ts';
import { configSchema } from '../../../config/schema.ts';
import { applyEnvironment, parseFile } from '../../../config/sources.ts';

test('where a setting comes from: the environment goes before the file, and what neither has is the default', () => {
  const file = parseFile('http:\n  port: 4000\nlimits:\n  streams: 7\n', 'my.yaml');
  const source = applyEnvironment(file, { PHAROS_HTTP_PORT: '5000' });
  const settings = effectiveConfig(configSchema.parse(source.data), source);
  const of = (key: string) => settings.find((setting) => setting.key === key);
  expect(of('http.port')).toMatchObject({
    value: 5000,
    source: { from: 'environment', where: 'PHAROS_HTTP_PORT' },
  });
  expect(of('limits.streams')).toMatchObject({ value: 7, source: { from: 'file', where: 'my.yaml:4' } });
  expect(of('limits.cameras')).toMatchObject({ source: { from: 'default' }, changed: false });
});
