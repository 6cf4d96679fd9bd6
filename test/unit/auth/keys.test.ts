import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { configSchema } from '../../../config/schema.ts';
import { loadKey } from '../../../server/auth/keys.ts';

const parent = mkdtempSync(join(tmpdir(), 'pharos-keys-'));
let count = 0;
let dataDirectory = '';
beforeEach(() => {
  dataDirectory = join(parent, String(count++));
});
afterAll(() => rmSync(parent, { recursive: true }));

test('the keys are generated once, apart, for their owner alone', () => {
  const config = configSchema.parse({ dataDirectory });
  const admin = loadKey(config, 'admin');
  const publish = loadKey(config, 'publish');
  expect(admin).toEqual({ key: expect.any(String), file: join(dataDirectory, 'admin-key'), fresh: true });
  expect(publish.file).toBe(join(dataDirectory, 'publish-key'));
  expect(admin.key.length).toBeGreaterThanOrEqual(16);
  expect(publish.key).not.toBe(admin.key);
  expect(readFileSync(admin.file ?? '', 'utf8')).toBe(`${admin.key}\n`);
  expect(statSync(admin.file ?? '').mode & 0o777).toBe(0o600);
  expect(loadKey(config, 'admin')).toEqual({ ...admin, fresh: false });
});

test('a configured key goes before the kept one', () => {
  const adminKey = 'configured-admin-key';
  const config = configSchema.parse({ dataDirectory, auth: { adminKey } });
  expect(loadKey(config, 'admin')).toEqual({ key: adminKey, fresh: false });
});

test('a kept key that is too short is refused, unseen', () => {
  const config = configSchema.parse({ dataDirectory });
  const { file = '' } = loadKey(config, 'admin');
  writeFileSync(file, 'hunter2');
  expect(() => loadKey(config, 'admin')).toThrow(/^dataDirectory: the admin key cannot be kept in .*16 char/);
  expect(() => loadKey(config, 'admin')).not.toThrow(/hunter2/);
});

test('the secret of JWTs is as long as HMAC-SHA256 wants it', () => {
  const config = configSchema.parse({ dataDirectory });
  const { key, file } = loadKey(config, 'jwt');
  expect(file).toBe(join(dataDirectory, 'jwt-secret'));
  expect(Buffer.from(key, 'base64url')).toHaveLength(32);
  const secret = 'configured, of more than 32 characters';
  const configured = configSchema.parse({ dataDirectory, auth: { jwt: { secret } } });
  expect(loadKey(configured, 'jwt')).toEqual({ key: secret, fresh: false });
});
