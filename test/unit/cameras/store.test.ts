import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ConfigError } from '../../../config/errors.ts';
import { cameraSchema } from '../../../config/schema.ts';
import { CameraStore } from '../../../server/cameras/store.ts';

const directory = mkdtempSync(join(tmpdir(), 'pharos-cameras-'));
const file = join(directory, 'data', 'cameras.json');
afterAll(() => rmSync(directory, { recursive: true }));

const camera = (stream: string) => cameraSchema.parse({ stream, url: 'rtsp://me:hunter2@192.168.1.20/' });

test('what was saved last is loaded, and only its owner may read it', async () => {
  const store = new CameraStore(join(directory, 'data'));
  expect(store.load()).toEqual([]);
  const saves = [[camera('a')], [camera('a'), camera('b')], [camera('b')]].map((list) => store.save(list));
  await Promise.all(saves);
  expect(new CameraStore(join(directory, 'data')).load()).toEqual([camera('b')]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(directory, 'data'))).toEqual(['cameras.json']);
});

test.each([
  '',
  '{"version":1,"cameras":[{"stream":"a","url":"rtsp://me:hunter2@',
  '{"version":2,"cameras":[]}',
  '{"version":1,"cameras":[{"stream":"a","url":"http://me:hunter2@x"}]}',
])('%j stops the start, without showing what is in it', (text) => {
  writeFileSync(file, text);
  const load = () => new CameraStore(join(directory, 'data')).load();
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(/^dataDirectory: .*cameras\.json cannot be used: .*correct it, or delete it/);
  expect(load).not.toThrow(/hunter2/);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('a failed save does not keep the next from being made', async () => {
  const store = new CameraStore(join(directory, 'nowhere'));
  writeFileSync(join(directory, 'nowhere'), 'a file');
  await expect(store.save([camera('a')])).rejects.toThrow();
  rmSync(join(directory, 'nowhere'));
  await store.save([camera('a')]);
  expect(store.load()).toEqual([camera('a')]);
});
