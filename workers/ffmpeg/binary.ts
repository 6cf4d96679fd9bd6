import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const NODE_MODULES = join(import.meta.dirname, '../../node_modules');
/** The path of the ffmpeg that setup tried and found to be new enough (scripts/setup/ffmpeg.mjs). */
const STAMP = join(NODE_MODULES, '.pharos', 'ffmpeg');
const PACKAGED = join(NODE_MODULES, 'ffmpeg-static', 'ffmpeg');

let found: string | undefined;

/** Which ffmpeg to run: the one that setup chose, else npm's, else whatever is on the PATH. */
export function findFfmpeg(): string {
  found ??= [chosen(), PACKAGED].find((file) => file !== undefined && existsSync(file)) ?? 'ffmpeg';
  return found;
}

function chosen(): string | undefined {
  try {
    return readFileSync(STAMP, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** What it gets of our environment: no settings of ours, which may be secret, and no FFREPORT, which writes files. */
export function ffmpegEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(PHAROS_|FFREPORT$)/.test(name)),
  );
}
