import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../tools/lib/report.ts';
import { ADMIN_KEY } from '../helpers/camera-api.ts';
import { type Live, publishMedia } from '../helpers/live.ts';
import { scrape } from '../helpers/metrics.ts';
import { freePorts, startServer, type TestServer } from '../helpers/server.ts';

const ROOT = join(import.meta.dirname, '../..');

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY });
});
afterAll(() => server.stop());

type Load = {
  process: ChildProcess;
  printed: () => { out: string; errors: string };
  exit: Promise<number | null>;
};

/** tools/load.ts as `npm run load` starts it. */
function load(...args: string[]): Load {
  const child = spawn(process.execPath, ['tools/load.ts', ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let [out, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  return {
    process: child,
    printed: () => ({ out, errors }),
    exit: once(child, 'close').then(() => child.exitCode),
  };
}

async function ended(...args: string[]): Promise<{ code: number | null; out: string; errors: string }> {
  const command = load(...args);
  const code = await command.exit;
  return { code, ...command.printed() };
}

describe.each(['whep', 'ws'] as const)('by %s', (by) => {
  test('ten viewers, with its own publisher', async () => {
    const line = `--url ${server.url} --stream own-${by} --viewers 10 --ramp 20/s --duration 5 --publish --json`;
    const { code, out, errors } = await ended(...line.split(' '), ...(by === 'ws' ? ['--ws'] : []));
    expect(code, errors).toBe(0);
    const report: Report = JSON.parse(out);
    expect(report).toMatchObject({
      stream: `own-${by}`,
      by,
      interrupted: false,
      viewers: { asked: 10, joined: 10, failed: 0, ended: 0, silent: 0 },
      reasons: [],
      lost: 0,
      publisherEnded: null,
    });
    const { joinMs, firstPacketMs, watching, jitterMs } = report;
    for (const spread of [joinMs, firstPacketMs, jitterMs.audio, jitterMs.video]) {
      expect(spread?.median).toBeGreaterThan(0);
      expect(spread?.p99).toBeGreaterThanOrEqual(spread?.median ?? Number.NaN);
    }
    expect(watching.seconds).toBeGreaterThanOrEqual(5);
    // Its file has 1.4 Mbit/s.
    expect(watching.megabitsPerSecond / 10).toBeGreaterThan(1);
    expect(watching.megabitsPerSecond / 10).toBeLessThan(1.8);
    expect(report.packets).toBeGreaterThan(watching.packets);

    const part = (name: string) => report.processes.filter((process) => process.part === name);
    expect(part('server').map(({ name }) => name)).toEqual(['node', 'mediasoup-worker', 'mediasoup-worker']);
    expect(part('server')[0]).toMatchObject({ pid: server.process.pid });
    expect(part('publisher').map(({ name }) => name)).toEqual(['node', expect.stringContaining('ffmpeg')]);
    const [own] = part('load');
    expect(own?.watchingPercent).toBeGreaterThan(0);
    expect(own?.rssMegabytes).toBeGreaterThan(10);
    // Nobody is left behind.
    await server.record('stream ended', { streamId: `own-${by}`, reason: 'stopped', viewers: 0 });
  });

  test('a stream that is not live', async () => {
    const args = ['--url', server.url, '--stream', 'nobodys', ...(by === 'ws' ? ['--ws'] : [])];
    const { code, errors } = await ended(...args);
    expect(code).toBe(1);
    expect(errors).toMatch(/The server refuses it .*not live/);
  });
});

describe('a stream of somebody else', () => {
  let live: Live;
  beforeAll(async () => {
    live = await publishMedia(server.url, 'theirs', 'h264');
    await server.record('stream live', { streamId: 'theirs' });
  });
  afterAll(() => live.stop());
  const viewers = async () => {
    const response = await fetch(`${server.url}/api/streams/theirs`);
    const { viewers } = await response.json();
    return viewers;
  };

  test('Ctrl-C: all leave, and the table is there all the same', async () => {
    const line = `--url ${server.url} --stream theirs --viewers 5 --duration 60`;
    const command = load(...line.split(' '));
    await expect.poll(viewers, { timeout: 15_000 }).toBe(5);
    // npm passes the terminal's Ctrl-C on once more.
    command.process.kill('SIGINT');
    command.process.kill('SIGINT');
    expect(await command.exit).toBe(130);
    expect(command.printed().out).toMatch(
      /^\d of 5 viewers joined "theirs" .* by WHEP(, .*)?, interrupted$/m,
    );
    expect(command.printed().out).toMatch(/^server: mediasoup-worker/m);
    expect(await viewers()).toBe(0);
  });

  test('limits: who is refused is counted, and which setting it is', async () => {
    const strict = await startServer({ PHAROS_LIMITS_JOINS_PER_ADDRESS: 3 });
    try {
      const line = `--url ${strict.url} --stream few --viewers 4 --duration 1 --publish --ws`;
      const { code, out } = await ended(...line.split(' '));
      expect(code).toBe(1);
      expect(out).toMatch(/^2 of 4 viewers joined "few" .*, 2 failed$/m);
      expect(out).toMatch(/^2 x too_many_requests: /m);
      expect(out).toMatch(/raise PHAROS_LIMITS_JOINS_PER_ADDRESS/);
    } finally {
      await strict.stop();
    }
  });

  test('its end is told', async () => {
    const watching = { kind: 'watch', protocol: 'whep' };
    const connected = async () =>
      (await scrape(server.url)).value('pharos_join_duration_seconds_count', watching) ?? 0;
    const before = await connected();
    const line = `--url ${server.url} --stream theirs --viewers 3 --duration 60 --json`;
    const command = load(...line.split(' '));
    // All have joined: their DTLS is through, not only their request.
    await expect.poll(connected, { timeout: 15_000 }).toBe(before + 3);
    await live.stop();
    expect(await command.exit).toBe(1);
    const report: Report = JSON.parse(command.printed().out);
    expect(report.viewers).toMatchObject({ joined: 3, ended: 3 });
    expect(report.reasons).toEqual([{ reason: expect.stringMatching(/^ended: /), count: 3 }]);
  });
});

test('wrong arguments, and a server that is not there', async () => {
  const nowhere = `http://127.0.0.1:${await freePorts(1)}`;
  const cases: [string, number, RegExp][] = [
    ['', 2, /--stream is missing/],
    ['--stream x --viewers 9999', 2, /--viewers 9999 .*5000/],
    ['--publish /nowhere.mp4', 2, /no file \/nowhere.mp4/],
    [`--stream x --url ${nowhere}`, 1, /Nobody answers at http:/],
    [`--stream x --ws --url ${nowhere}`, 1, /Nobody answers at http:/],
    [`--publish --url ${nowhere}`, 1, /Nobody answers at http:/],
  ];
  const results = cases.map(([line]) => ended(...line.split(' ').filter(Boolean)));
  for (const [index, [line, code, reason]] of cases.entries()) {
    const result = await results[index];
    expect(result?.code, line).toBe(code);
    expect(result?.errors, line).toMatch(reason);
  }
  const help = await ended('--help');
  expect(help.code).toBe(0);
  expect(help.out).toMatch(/npm run load -- --stream ID/);
});
