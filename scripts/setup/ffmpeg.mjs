/** ffmpeg, for recording and cameras: the npm package's binary, else the machine's. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAtLeast } from './node.mjs';
import { projectNode } from './npm.mjs';
import { nodeModules, outerPath, which } from './paths.mjs';
import { openLog, run, SetupError } from './run.mjs';
import { stamp } from './stamp.mjs';

const NAME = 'ffmpeg';
const OLDEST = '5.1';
const DOWNLOAD_TIMEOUT = 120_000;
const packaged = join(nodeModules, 'ffmpeg-static', 'ffmpeg');

/** `ffmpeg version 5.1.6-0+deb12u1 …` and `ffmpeg version n7.1 …`; a snapshot has no number and is new. */
export function ffmpegVersion(output) {
  const version = /^ffmpeg version (\S+)/.exec(output)?.[1];
  if (!version) return undefined;
  return /^n?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '999';
}

function isUsable(file) {
  if (!file || !existsSync(file)) return false;
  const version = ffmpegVersion(
    spawnSync(file, ['-version'], { encoding: 'utf8', timeout: 20_000 }).stdout ?? '',
  );
  return version !== undefined && isAtLeast(version, OLDEST);
}

const onPath = () => which('ffmpeg', outerPath());

/** The stamp is the path that was tried; ffmpeg itself takes too long to be asked at each start. */
const ready = () => {
  const file = stamp.read(NAME);
  return file !== undefined && existsSync(file);
};

function use(file) {
  stamp.write(NAME, file);
}

export const ffmpeg = {
  name: NAME,
  ready,
  async run(report) {
    if (isUsable(packaged)) return use(packaged);
    rmSync(packaged, { force: true });
    report.start(NAME, "ffmpeg-static's binary");
    const result = await run(projectNode(), ['install.js'], {
      cwd: join(nodeModules, 'ffmpeg-static'),
      log: openLog('ffmpeg-download'),
      timeout: DOWNLOAD_TIMEOUT,
    });
    if (result.ok && isUsable(packaged)) {
      use(packaged);
      return report.done();
    }
    rmSync(packaged, { force: true });
    report.failed(result.timedOut ? 'no answer' : 'not to be had');
    useOnPath(report);
  },
};

function useOnPath(report) {
  const file = onPath();
  if (!isUsable(file)) return;
  report.start(NAME, `the machine's, ${file}`);
  use(file);
  report.done();
}

/** After the packages: the one just installed. */
export const ffmpegInstalled = {
  name: NAME,
  ready,
  async run(report) {
    useOnPath(report);
    if (ready()) return;
    throw new SetupError(`There is no ffmpeg ${OLDEST} or newer.`, {
      advice: `Found: ${onPath() ?? 'none'}. Put a newer one first on the PATH, then run the same command again.`,
    });
  },
};

export const ffmpegNeeds = () => (ready() ? [] : ['ffmpeg']);
