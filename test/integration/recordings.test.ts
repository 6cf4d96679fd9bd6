/** Recording as an operator and a publisher see it: started, stopped, finished, listed, played, deleted. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Recording, recordingList, recordingStatus } from '../../server/protocol/recordings.ts';
import { publishMedia, watchPackets } from '../helpers/live.ts';
import { scrape } from '../helpers/metrics.ts';
import { descriptors, family } from '../helpers/process.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const ADMIN = 'an-admin-key-for-tests';
const AS_ADMIN = { Authorization: `Bearer ${ADMIN}` };
const RULES = [
  { streams: 'always-*', record: 'always' },
  { streams: 'never', record: 'off' },
];

let server: TestServer;
let folder: string;
const start = (more: Record<string, string | number> = {}) =>
  startServer({
    PHAROS_AUTH_ADMIN_KEY: ADMIN,
    PHAROS_RECORDINGS_DIRECTORY: folder,
    PHAROS_RECORDINGS_RECORD: JSON.stringify(RULES),
    PHAROS_RECORDINGS_MIN_FREE: 0,
    ...more,
  });
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pharos-recordings-'));
  server = await start();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const status = async (method: string, stream: string) => {
  const response = await fetch(`${server.url}/api/streams/${stream}/recording`, { method });
  return { code: response.status, body: recordingStatus.parse(await response.json()) };
};
const list = async () => {
  const response = await fetch(`${server.url}/api/recordings`, { headers: AS_ADMIN });
  expect(response.status).toBe(200);
  return recordingList.parse(await response.json());
};
const of = async (stream: string) => (await list()).recordings.filter((each) => each.stream === stream);
const seconds = async (stream: string, least: number) => {
  await expect
    .poll(async () => (await status('GET', stream)).body.recording?.seconds ?? 0, { timeout: 20_000 })
    .toBeGreaterThan(least);
};
/** The stream's recordings when all are finished. */
const finished = async (stream: string, count = 1): Promise<Recording[]> => {
  await expect
    .poll(async () => (await of(stream)).filter(({ state }) => state === 'done').length, { timeout: 60_000 })
    .toBe(count);
  return of(stream);
};

describe('a recording', () => {
  test.each([
    ['h264', 'mp4'],
    ['vp8', 'webm'],
  ] as const)('of %s: begun, ended, verified, played, deleted', async (name, extension) => {
    const live = await publishMedia(server.url, name, name);
    const begun = await status('POST', name);
    expect(begun).toMatchObject({
      code: 201,
      body: { mode: 'manual', recording: { parts: expect.any(Number) } },
    });
    // Twice is the same one.
    expect((await status('POST', name)).body.recording?.id).toBe(begun.body.recording?.id);
    // More than is asked for below: the first key frame may be long in coming.
    await seconds(name, 5);
    expect((await status('DELETE', name)).body.recording).toBeNull();
    const [recording] = await finished(name);
    expect(recording).toMatchObject({ state: 'done', verdict: 'ok', endReason: 'stopped', upload: 'off' });
    const [part] = recording?.parts ?? [];
    expect(part).toMatchObject({ width: 640, height: 360, verdict: 'ok' });
    expect(part?.file).toMatch(new RegExp(`\\.${extension}$`));
    expect(part?.duration).toBeGreaterThan(2.5);

    const media = await fetch(server.url + part?.url, { headers: { Range: 'bytes=0-99' } });
    expect(media.status).toBe(206);
    expect((await media.arrayBuffer()).byteLength).toBe(100);
    const whole = Buffer.from(await (await fetch(server.url + part?.url)).arrayBuffer());
    expect(whole.length).toBe(part?.bytes);
    const file = join(folder, `test.${extension}`);
    writeFileSync(file, whole);
    const decoded = execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-'], {
      encoding: 'utf8',
    });
    expect(decoded).toBe('');
    const picture = await fetch(server.url + recording?.thumbnail);
    expect(picture.headers.get('Content-Type')).toBe('image/jpeg');
    const saved = await fetch(`${server.url}${part?.url}&download`);
    expect(saved.headers.get('Content-Disposition')).toContain('attachment');
    await saved.body?.cancel();

    const remove = await fetch(`${server.url}/api/recordings/${recording?.id}`, {
      method: 'DELETE',
      headers: AS_ADMIN,
    });
    expect(remove.status).toBe(204);
    expect(await of(name)).toEqual([]);
    expect((await fetch(server.url + part?.url)).status).toBe(404);
    await live.stop();
  });

  test('of a stream that is recorded always: through a publisher that comes back, until Stop', async () => {
    const first = await publishMedia(server.url, 'always-on', 'h264');
    await seconds('always-on', 2);
    // Without a DELETE: as if it had crashed.
    await first.source.close();
    const second = await (async () => {
      for (;;) {
        try {
          return await publishMedia(server.url, 'always-on', 'h264');
        } catch {
          // It is still held for alive.
        }
      }
    })();
    const { body } = await status('GET', 'always-on');
    await seconds('always-on', (body.recording?.seconds ?? 0) + 2);
    await second.stop();
    const [recording] = await finished('always-on');
    expect(recording).toMatchObject({ endReason: 'the stream ended', verdict: 'ok' });
    expect(recording?.parts).toHaveLength(1);
    await first.stop();
  });

  test('is refused where it cannot be', async () => {
    const refused = async (stream: string) => {
      const response = await fetch(`${server.url}/api/streams/${stream}/recording`, { method: 'POST' });
      return (await response.json()) as { code: string };
    };
    expect(await refused('nobody')).toMatchObject({ code: 'stream_not_found' });
    const live = await publishMedia(server.url, 'never', 'vp8');
    expect(await refused('never')).toMatchObject({ code: 'not_allowed' });
    await live.stop();
    const full = await start({ PHAROS_RECORDINGS_MIN_FREE: 100_000_000, PHAROS_RECORDINGS_DIRECTORY: '' });
    const other = await publishMedia(full.url, 'full', 'vp8');
    const response = await fetch(`${full.url}/api/streams/full/recording`, { method: 'POST' });
    expect(response.status).toBe(507);
    await other.stop();
    await full.stop();
  });
});

test('the list, and what it leads to, are for administrators', async () => {
  expect((await fetch(`${server.url}/api/recordings`)).status).toBe(401);
  const wrong = { Authorization: 'Bearer wrong' };
  expect((await fetch(`${server.url}/api/recordings`, { headers: wrong })).status).toBe(401);
  const live = await publishMedia(server.url, 'guarded', 'vp8');
  await status('POST', 'guarded');
  await seconds('guarded', 1.5);
  await status('DELETE', 'guarded');
  const [recording] = await finished('guarded');
  const url = new URL(server.url + recording?.parts[0]?.url);
  expect((await fetch(url)).status).toBe(200);
  for (const change of [
    (u: URL) => u.searchParams.delete('grant'),
    (u: URL) => u.searchParams.set('until', String(Date.now() * 2)),
    (u: URL) => u.searchParams.set('grant', 'AAAA'),
  ]) {
    const changed = new URL(url);
    change(changed);
    expect((await fetch(changed)).status).toBe(401);
  }
  for (const path of ['..%2f..%2fetc%2fpasswd', '%2e%2e/x', `${recording?.id}/files/..%2f..%2fpublish-key`]) {
    const { status: code } = await fetch(`${server.url}/api/recordings/${path}`, { headers: AS_ADMIN });
    expect([401, 404]).toContain(code);
  }
  await live.stop();
});

describe('a crash', () => {
  test.each([
    ['the server', false],
    // As when the power goes.
    ['the server and ffmpeg at once', true],
  ])(
    'of %s: the next start finishes the recording, at most the last second is missing',
    async (_of, both) => {
      const stream = both ? 'power' : 'crash';
      const doomed = await start();
      const live = await publishMedia(doomed.url, stream, 'h264');
      await fetch(`${doomed.url}/api/streams/${stream}/recording`, { method: 'POST' });
      const running = async () => {
        const response = await fetch(`${doomed.url}/api/streams/${stream}/recording`);
        return recordingStatus.parse(await response.json()).recording?.seconds ?? 0;
      };
      await expect.poll(running, { timeout: 20_000 }).toBeGreaterThan(4);
      const [ffmpeg = 0] = ffmpegOf(doomed);
      if (both) process.kill(ffmpeg, 'SIGKILL');
      doomed.process.kill('SIGKILL');
      const crashedAt = Date.now();
      await doomed.stop('SIGKILL');
      await live.stop().catch(() => undefined);
      await server.stop();
      server = await start();
      const [recording] = await finished(stream);
      expect(recording).toMatchObject({ verdict: 'repaired', why: expect.stringContaining('crash') });
      const [written] = readdirSync(join(folder, stream)).filter((file) => file.endsWith('.json'));
      const { parts } = JSON.parse(readFileSync(join(folder, stream, written ?? ''), 'utf8'));
      const recorded = (crashedAt - Date.parse(parts[0].start)) / 1000;
      const { duration } = parts[0];
      console.info(`recorded ${recorded.toFixed(2)} s until the crash, in the file ${duration.toFixed(2)} s`);
      expect(duration).toBeGreaterThan(2);
      expect(recorded - duration).toBeLessThan(2);
    },
  );

  test('of ffmpeg: the recording goes on in another part, and all of it is finished', async () => {
    const live = await publishMedia(server.url, 'killed', 'vp8');
    await status('POST', 'killed');
    await seconds('killed', 4);
    process.kill(ffmpegOf(server)[0] ?? 0, 'SIGKILL');
    await expect
      .poll(async () => (await status('GET', 'killed')).body.recording?.parts, { timeout: 10_000 })
      .toBe(2);
    const { body } = await status('GET', 'killed');
    await seconds('killed', (body.recording?.seconds ?? 0) + 2);
    await status('DELETE', 'killed');
    const [recording] = await finished('killed');
    expect(recording?.parts).toHaveLength(2);
    for (const part of recording?.parts ?? []) expect(part.verdict).not.toBe('damaged');
    expect(recording?.parts[0]?.duration).toBeGreaterThan(1.3);
    const { value } = await scrape(server.url);
    expect(value('pharos_ffmpeg_restarts_total', { purpose: 'recording' })).toBe(1);
    expect(value('pharos_recordings_finished_total')).toBeGreaterThan(0);
    expect(value('pharos_recordings_free_bytes')).toBeGreaterThan(0);
    await live.stop();
  });
});

/** A small file system is mounted: on Linux, by root, as CI is. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0;

describe.runIf(canMount)('a full disk', () => {
  test.each([
    ['in earnest', 1, 0, 'recording_failed'],
    ['nearly', 4, 3, 'recording_space'],
  ] as const)(
    '%s: the recording ends, the publisher is told, the stream and others go on',
    async (_how, size, minFree, notice) => {
      const mount = mkdtempSync(join(tmpdir(), 'pharos-small-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', mount]);
      const small = await start({ PHAROS_RECORDINGS_DIRECTORY: mount, PHAROS_RECORDINGS_MIN_FREE: minFree });
      const live = await publishMedia(small.url, 'small', 'h264');
      const viewer = await watchPackets(small.url, 'small');
      await fetch(`${small.url}/api/streams/small/recording`, { method: 'POST' });
      await small.record('recording ended', { streamId: 'small' });
      expect(await small.record('stream trouble', { streamId: 'small' })).toMatchObject({ notice });
      const seen = viewer.of.video.length;
      await expect.poll(() => viewer.of.video.length).toBeGreaterThan(seen + 20);
      // What there is of it is being finished.
      await expect.poll(() => ffmpegOf(small), { timeout: 10_000 }).toEqual([]);
      await viewer.stop();
      await live.stop();
      await small.stop();
      execFileSync('umount', [mount]);
      rmSync(mount, { recursive: true });
    },
  );
});

test('twenty recordings begun and ended, two streams at a time, leave nothing behind', {
  timeout: 90_000,
}, async () => {
  const lives = await Promise.all([
    publishMedia(server.url, 'one', 'h264'),
    publishMedia(server.url, 'two', 'vp8'),
  ]);
  const once = async (stream: string) => {
    await status('POST', stream);
    await expect
      .poll(async () => (await status('GET', stream)).body.recording?.bytes ?? 0, { timeout: 10_000 })
      .toBeGreaterThan(10_000);
    await status('DELETE', stream);
  };
  await Promise.all(['one', 'two'].map(once));
  await Promise.all([finished('one'), finished('two')]);
  const before = descriptors(server.process.pid);
  for (let i = 0; i < 9; i++) await Promise.all(['one', 'two'].map(once));
  await Promise.all([finished('one', 10), finished('two', 10)]);
  expect(ffmpegOf(server)).toEqual([]);
  await expect.poll(() => descriptors(server.process.pid)).toBeLessThanOrEqual(before + 2);
  const verdicts = [...(await of('one')), ...(await of('two'))].map(({ verdict }) => verdict);
  expect(verdicts).not.toContain('damaged');
  await Promise.all(lives.map((live) => live.stop()));
});

function ffmpegOf({ process: { pid } }: TestServer): number[] {
  return family(pid).filter((each) => readFileSync(`/proc/${each}/comm`, 'utf8').startsWith('ffmpeg'));
}
