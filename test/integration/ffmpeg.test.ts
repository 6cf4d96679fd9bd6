import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { type FfmpegExit, type FfmpegOptions, FfmpegProcess } from '../../workers/ffmpeg/process.ts';

const ROOT = join(import.meta.dirname, '../..');
/** It says something as soon as it runs. */
const ENDLESS = [
  '-loglevel',
  'info',
  '-re',
  '-f',
  'lavfi',
  '-i',
  'testsrc=size=64x64:rate=25',
  '-f',
  'null',
  '-',
];

let started: FfmpegProcess[] = [];
afterEach(async () => {
  await Promise.all(started.map((ffmpeg) => ffmpeg.stop(0)));
  started = [];
});

function start(options: FfmpegOptions): FfmpegProcess {
  const ffmpeg = FfmpegProcess.start(options);
  started.push(ffmpeg);
  return ffmpeg;
}

async function exit(ffmpeg: FfmpegProcess): Promise<FfmpegExit> {
  const [result] = await once(ffmpeg, 'exit');
  return result;
}

async function running(ffmpeg: FfmpegProcess): Promise<void> {
  while (!ffmpeg.lines.some((line) => line.startsWith('Output #0'))) await once(ffmpeg, 'line');
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended as well.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('ends by itself, with how', async () => {
  const good = start({ args: ['-f', 'lavfi', '-i', 'testsrc=size=64x64:duration=0.1', '-f', 'null', '-'] });
  expect(await exit(good)).toEqual({ code: 0, signal: null, stopped: false });
  expect(good.ended).toBe(true);
  // However late, and however often.
  expect(await good.stop()).toEqual({ code: 0, signal: null, stopped: false });
  const bad = start({ args: ['-i', '/nowhere', '-f', 'null', '-'] });
  expect((await exit(bad)).code).toBe(1);
  expect(bad.lines.join()).toContain('/nowhere: No such file or directory');
});

test('finishes what it writes when it is stopped', async () => {
  const ffmpeg = start({ args: ENDLESS });
  await running(ffmpeg);
  // ffmpeg ends with 255 where a signal ended it in order.
  expect(await ffmpeg.stop()).toEqual({ code: 255, signal: null, stopped: true });
  expect(ffmpeg.lines.join()).toContain('Exiting normally');
});

test('what does not end in time is killed', async () => {
  const ffmpeg = start({ args: ENDLESS });
  await running(ffmpeg);
  process.kill(ffmpeg.pid ?? 0, 'SIGSTOP');
  expect(await ffmpeg.stop(50)).toEqual({ code: null, signal: 'SIGKILL', stopped: true });
});

test('says nothing secret, and does not inherit our settings', async () => {
  process.env.PHAROS_AUTH_ADMIN_KEY = 'hunter2hunter2hunter2';
  const url = 'rtsp://me:hunter2@127.0.0.1:1/hunter2?key=hunter2';
  const output = ['-f', 'null', '-'];
  const secrets = ['hunter2', 'a secret'];
  const ffmpeg = start({ args: ['-i', url, ...output], secrets });
  const environment = readFileSync(`/proc/${ffmpeg.pid}/environ`, 'utf8');
  delete process.env.PHAROS_AUTH_ADMIN_KEY;
  await exit(ffmpeg);
  const other = start({ args: ['-i', '/a secret/file', ...output], secrets });
  await exit(other);
  const text = [...ffmpeg.lines, ...other.lines].join('\n');
  expect(text).toContain('/***/file: No such file');
  expect(text).toContain('rtsp://127.0.0.1:1 Connection refused');
  expect(text).not.toContain('hunter2');
  expect(text).not.toContain('a secret');
  expect(environment).toContain('PATH=');
  expect(environment).not.toContain('PHAROS_');
});

test('keeps only the last lines', async () => {
  const source = 'testsrc=size=64x64:duration=0.1';
  const ffmpeg = start({ args: ['-loglevel', 'debug', '-f', 'lavfi', '-i', source, '-f', 'null', '-'] });
  let said = 0;
  ffmpeg.on('line', () => {
    said += 1;
  });
  await exit(ffmpeg);
  expect(said).toBeGreaterThan(30);
  expect(ffmpeg.lines).toHaveLength(30);
});

test('dies with the server, though that is killed', async () => {
  const source = `
    import { FfmpegProcess } from './workers/ffmpeg/process.ts';
    const options = { args: ${JSON.stringify(ENDLESS)} };
    const gone = FfmpegProcess.start(options);
    const [one, two] = [FfmpegProcess.start(options), FfmpegProcess.start(options)];
    gone.stop().then(() => console.log(one.pid, two.pid));
    setInterval(() => {}, 1000);`;
  const server = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(server.stdout), 'line');
  const pids = String(line).split(' ').map(Number);
  expect(pids.map(isAlive)).toEqual([true, true]);
  server.kill('SIGKILL');
  await expect.poll(() => pids.map(isAlive), { timeout: 5000 }).toEqual([false, false]);
});
