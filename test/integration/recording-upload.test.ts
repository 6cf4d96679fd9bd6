import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../server/base/logger.ts';
import { type Metadata, NO_UPLOAD, newMetadata } from '../../server/recordings/metadata.ts';
import type { RecordingId } from '../../server/recordings/names.ts';
import { S3Storage } from '../../server/recordings/s3.ts';
import { Store } from '../../server/recordings/store.ts';
import { Uploader, type UploaderOptions } from '../../server/recordings/upload.ts';
import { livePart, makeFolder, removeFolder, START, temporaryFolder } from '../helpers/recordings.ts';
import { CREDENTIALS, REGION, S3Double } from '../helpers/s3.ts';

const MIB = 1 << 20;
const root = temporaryFolder();
afterAll(() => removeFolder(root));
const id: RecordingId = { stream: 'lecture', start: START };
const key = `pharos/lecture/${START}.mp4`;
const logger = createLogger({ level: 'silent', format: 'json' });
const settings = {
  bucket: 'recordings',
  region: REGION,
  pathStyle: true,
  prefix: '',
  deleteLocal: false,
  ...CREDENTIALS,
};

let s3: S3Double;
let store: Store;
let folder = '';
let media = '';
let count = 0;
const uploaders: Uploader[] = [];

beforeEach(async () => {
  s3 = await S3Double.create();
  count += 1;
  store = await Store.create(join(root, `case-${count}`));
  folder = makeFolder(join(store.root, id.stream));
  media = join(folder, `${START}.mp4`);
});

afterEach(async () => {
  for (const uploader of uploaders.splice(0)) await uploader.close();
  s3.close();
});

/** A recording that is finished: what is in the file is no matter here. */
async function recorded(bytes: number, known: Partial<Metadata> = {}): Promise<void> {
  writeFileSync(media, randomBytes(bytes));
  writeFileSync(join(folder, `${START}.jpg`), 'picture');
  const sha256 = createHash('sha256').update(readFileSync(media)).digest('hex');
  await store.write(id, {
    ...newMetadata(id),
    state: 'done',
    verdict: 'ok',
    parts: [livePart('mp4', { live: null, file: `${START}.mp4`, bytes, sha256, verdict: 'ok' })],
    upload: { ...NO_UPLOAD, state: 'waiting' },
    ...known,
  });
}

async function uploader(
  more: Partial<UploaderOptions> = {},
  more3: Partial<typeof settings> = {},
): Promise<Uploader> {
  const storage = await S3Storage.create(
    { ...settings, endpoint: s3.endpoint, ...more3 },
    { partBytes: 5 * MIB },
  );
  const made = new Uploader({
    store,
    storage,
    logger,
    prefix: 'pharos/',
    deleteLocal: false,
    retryMs: [10, 10],
    ...more,
  });
  uploaders.push(made);
  return made;
}

/** How it ends. */
function outcome(of: Uploader): Promise<string> {
  return new Promise((resolve) => {
    of.once('done', () => resolve('done'));
    of.once('failed', (_, why) => resolve(why));
  });
}

async function upload(
  more: Partial<UploaderOptions> = {},
  more3: Partial<typeof settings> = {},
): Promise<string> {
  const made = await uploader(more, more3);
  made.add(id);
  return await outcome(made);
}

const metadata = async () => {
  const found = (await store.read(id)).metadata;
  if (!found) throw new Error('no metadata');
  return found;
};

test.each([
  ['in one piece', 100_000, 0],
  ['in parts', 12 * MIB + 17, 3],
])('%s: the object is the file, with its picture and its .json', async (_, bytes, parts) => {
  await recorded(bytes);
  expect(await upload()).toBe('done');
  expect([...s3.objects.keys()].sort()).toEqual(
    [key, `pharos/lecture/${START}.jpg`, `pharos/lecture/${START}.json`].sort(),
  );
  expect(s3.objects.get(key)?.body.equals(readFileSync(media))).toBe(true);
  expect(s3.requests.filter(({ query }) => query.has('partNumber'))).toHaveLength(parts);
  expect(s3.uploads.size).toBe(0);
  const stored = JSON.parse(s3.objects.get(`pharos/lecture/${START}.json`)?.body.toString() ?? '');
  expect(stored).toMatchObject({ stream: 'lecture', verdict: 'ok', parts: [{ file: `${START}.mp4` }] });
  expect((await metadata()).upload).toMatchObject({ state: 'done', unfinished: null, localDeleted: null });
  expect(existsSync(media)).toBe(true);
});

test('the local file goes, if it may, when all is confirmed; what is known of it stays', async () => {
  await recorded(6 * MIB);
  expect(await upload({ deleteLocal: true })).toBe('done');
  expect(readdirSync(folder).sort()).toEqual([`${START}.jpg`, `${START}.json`]);
  expect((await metadata()).upload.localDeleted).toMatch(/^20/);
});

test.each([
  ['another byte', (body: Buffer) => Buffer.concat([Buffer.from([1 - (body[0] ?? 0)]), body.subarray(1)])],
  ['less', (body: Buffer) => body.subarray(1)],
])('storage that stores %s is found out', async (_, corrupt) => {
  for (const bytes of [100_000, 6 * MIB]) {
    await recorded(bytes);
    s3.corrupt = corrupt;
    expect(await upload({ deleteLocal: true })).toMatch(
      /^the storage does not confirm .*: (its SHA-256 is another|it has \d+ bytes of)/,
    );
    expect(existsSync(media)).toBe(true);
    expect((await metadata()).upload).toMatchObject({
      state: 'failed',
      why: expect.stringContaining('confirm'),
    });
  }
});

test.each([100_000, 6 * MIB])(
  'storage without SHA-256 is believed by its ETag, and only by it (%i bytes)',
  async (bytes) => {
    await recorded(bytes);
    s3.keepsSha256 = false;
    expect(await upload()).toBe('done');
    const object = s3.objects.get(key);
    if (object) object.etag = 'of-its-own-kind';
    s3.trouble = ({ method, key: asked }) => {
      const stored = s3.objects.get(asked);
      if (method === 'HEAD' && stored) stored.etag = 'of-its-own-kind';
      return undefined;
    };
    await recorded(bytes);
    expect(await upload({ deleteLocal: true })).toContain(
      'it has no SHA-256, and its ETag is no MD5 of ours',
    );
    expect(existsSync(media)).toBe(true);
  },
);

test('a file that has changed since it was verified is not uploaded as if it had not', async () => {
  await recorded(6 * MIB);
  writeFileSync(media, randomBytes(6 * MIB));
  expect(await upload({ deleteLocal: true })).toBe('the file on the disk is not what was verified');
  expect(s3.objects.has(key)).toBe(false);
  // Nothing of it is left there to be paid for.
  expect(s3.uploads.size).toBe(0);
  expect(existsSync(media)).toBe(true);
});

test.each([[500], [503], ['hang up' as const]])('trouble on the way (%s) is tried again', async (kind) => {
  await recorded(11 * MIB);
  let troubles = 0;
  s3.trouble = ({ query }) => {
    if (query.get('partNumber') !== '2' || troubles >= 2) return undefined;
    troubles += 1;
    return kind;
  };
  expect(await upload()).toBe('done');
  expect(troubles).toBe(2);
  expect(s3.objects.get(key)?.body.equals(readFileSync(media))).toBe(true);
});

test('a wrong key is given up after a while, and tried at the next start', async () => {
  await recorded(1000);
  expect(await upload({}, { secret: 'wrong' })).toContain('SignatureDoesNotMatch');
  expect((await metadata()).upload.state).toBe('failed');
  const next = await uploader();
  await next.resume();
  expect(await outcome(next)).toBe('done');
});

test('broken off, it goes on where it was, and ends what it had begun', async () => {
  await recorded(11 * MIB);
  const first = await uploader();
  s3.trouble = ({ query }) => {
    if (query.get('partNumber') === '2') void first.close();
    return undefined;
  };
  first.add(id);
  await expect.poll(() => s3.requests.some(({ query }) => query.get('partNumber') === '2')).toBe(true);
  await first.close();
  s3.trouble = () => undefined;
  // As if we had been killed: nothing was ended.
  s3.uploads.set('left-over', { key, parts: new Map() });
  await store.update(id, (current) => ({
    ...current,
    upload: { ...current.upload, unfinished: { key, uploadId: 'left-over' } },
  }));
  const second = await uploader();
  await second.resume();
  expect(await outcome(second)).toBe('done');
  expect(s3.uploads.size).toBe(0);
});

test('files that are there already are not sent again', async () => {
  await recorded(1000);
  s3.trouble = ({ key: asked }) => (asked.endsWith('.json') ? 403 : undefined);
  expect(await upload()).not.toBe('done');
  s3.trouble = () => undefined;
  s3.requests.length = 0;
  expect(await upload()).toBe('done');
  expect(s3.requests.filter(({ method }) => method === 'PUT').map(({ key: sent }) => sent)).toEqual([
    `pharos/lecture/${START}.json`,
  ]);
});

test('one that is deleted meanwhile is no fault, and one that is not to be uploaded is not', async () => {
  await recorded(1000);
  await store.delete(id);
  const made = await uploader();
  made.add(id);
  await expect.poll(() => made.waiting).toBe(0);
  await recorded(1000, { upload: NO_UPLOAD });
  made.add(id);
  await expect.poll(() => made.waiting).toBe(0);
  expect(s3.requests).toEqual([]);
});
