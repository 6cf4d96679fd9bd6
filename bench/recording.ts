/**
 * What recording costs, and how right the files are: a 720p stream of flashes and beeps at
 * 1.5 Mbit/s, published by WHIP, recorded in real time.
 *
 *   npm run bench -- recording [--minutes 10]
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { recordingList, recordingStatus } from '../server/protocol/recordings.ts';
import { family } from '../test/helpers/process.ts';
import { check, offsets } from '../test/helpers/recorder-check.ts';
import { startServer } from '../test/helpers/server.ts';
import { findFfmpeg } from '../tools/lib/ffmpeg.ts';
import { RtpSource } from '../tools/lib/rtp-source.ts';
import { WhipClient } from '../tools/lib/whip-client.ts';
import { machine, quantile } from './lib/figures.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const MINUTES = Math.min(60, Math.max(1, Number(values.minutes)));
const WINDOW_MS = 10_000;
const WINDOWS = 3;
const ADMIN = 'an-admin-key-for-a-benchmark';

const folder = mkdtempSync(join(tmpdir(), 'pharos-bench-'));
const file = join(folder, 'flashes.mp4');
console.log(`${machine()}; ${MINUTES} minutes of 720p30 H.264 at 1.5 Mbit/s with Opus\n`);
await promisify(execFile)(findFfmpeg(), [
  ...'-v error -f lavfi -i'.split(' '),
  "testsrc2=size=1280x720:rate=30,noise=alls=10:allf=t,drawbox=color=white:t=fill:enable='lt(mod(t+0.0001,1),0.1)',format=yuv420p",
  ...'-f lavfi -i'.split(' '),
  "aevalsrc='if(lt(mod(t,1),0.1),0.8*sin(2*PI*1000*t),0.05*sin(2*PI*200*t))':s=48000",
  ...`-t ${MINUTES * 60 + 40} -c:v libx264 -preset ultrafast -profile:v baseline -g 60 -bf 0 -b:v 1500k -maxrate 1500k -bufsize 750k`.split(
    ' ',
  ),
  ...'-c:a libopus -b:a 64k'.split(' '),
  file,
]);

const server = await startServer({
  PHAROS_AUTH_ADMIN_KEY: ADMIN,
  PHAROS_RECORDINGS_MIN_FREE: 0,
  PHAROS_RECORDINGS_DIRECTORY: join(folder, 'recordings'),
});
const options = { file, copy: true, onPacket: () => {} };
const source = await RtpSource.open(options);
const client = new WhipClient({ url: new URL(`${server.url}/whip/bench`), tracks: source.tracks });
await client.connect();
source.start({ ...options, onPacket: (kind, packet) => client.send(kind, packet) });
await sleep(8000); // the encoder watch's first window is over
try {
  const without = await shares();
  const began = await recording('POST');
  await sleep(3000);
  const withIt = await shares();
  console.table({
    'published only': without,
    'and recorded': withIt,
    difference: Object.fromEntries(
      Object.keys(withIt).map((name) => [name, round((withIt[name] ?? 0) - (without[name] ?? 0))]),
    ),
  });
  while (((await recording('GET')).recording?.seconds ?? 0) < MINUTES * 60) await sleep(500);
  const clock = performance.now();
  await recording('DELETE');
  const done = await finished();
  const finishing = (performance.now() - clock) / 1000;
  const [part] = done.parts;
  const checked = await check(
    join(folder, 'recordings', began.recording?.id.split('/')[0] ?? '', part?.file ?? ''),
  );
  const all = offsets(checked);
  console.table({
    'length (s)': round(checked.duration),
    parts: done.parts.length,
    verdict: done.verdict,
    'lines of ffmpeg on a full decode': checked.errors.length,
    'A/V offset, first minute (ms, median)': round(quantile(all.slice(0, 60), 0.5)),
    'A/V offset, last minute (ms, median)': round(quantile(all.slice(-60), 0.5)),
    'A/V offset, worst (ms)': round(
      all.reduce((worst, each) => (Math.abs(each) > Math.abs(worst) ? each : worst), 0),
    ),
    'finishing: copy, verdict, hash (s)': round(finishing),
  });
} finally {
  await source.close();
  await client.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

/** CPU by process, in percent of a core: the median of some windows. */
async function shares(): Promise<Record<string, number>> {
  const windows: Record<string, number>[] = [];
  for (let i = 0; i < WINDOWS; i++) {
    const before = times();
    await sleep(WINDOW_MS);
    const after = times();
    const names = ['server', 'workers', 'ffmpeg'];
    windows.push(
      Object.fromEntries(
        names.map((name) => [name, (((after[name] ?? 0) - (before[name] ?? 0)) / WINDOW_MS) * 100]),
      ),
    );
  }
  const median = (name: string) =>
    round(
      quantile(
        windows.map((each) => each[name] ?? 0),
        0.5,
      ),
    );
  const found = { server: median('server'), workers: median('workers'), ffmpeg: median('ffmpeg') };
  return { ...found, together: round(found.server + found.workers + found.ffmpeg) };
}

/** CPU time in ms so far (proc(5): utime and stime, in hundredths of a second). */
function times(): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const pid of family(server.process.pid)) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const name = pid === server.process.pid ? 'server' : stat.includes('(ffmpeg') ? 'ffmpeg' : 'workers';
    sums[name] = (sums[name] ?? 0) + (Number(fields[11]) + Number(fields[12])) * 10;
  }
  return sums;
}

async function recording(method: string) {
  const response = await fetch(`${server.url}/api/streams/bench/recording`, { method });
  return recordingStatus.parse(await response.json());
}

async function finished() {
  for (;;) {
    const response = await fetch(`${server.url}/api/recordings`, {
      headers: { Authorization: `Bearer ${ADMIN}` },
    });
    const [first] = recordingList.parse(await response.json()).recordings;
    if (first?.state === 'done') return first;
    await sleep(50);
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
