/** Two setups of one checkout at a time would spoil each other's work: the second one waits. */
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateDirectory } from './paths.mjs';
import { readText } from './stamp.mjs';

const POLL = 300;
/** A lock without an owner is about to get one, or its maker died in between. */
const OWNERLESS_FOR = 5_000;

/** A process id alone may mean another process after a restart; with its start time it does not. */
export function identify(pid, readStat = (id) => readText(`/proc/${id}/stat`)) {
  const stat = readStat(pid);
  // The second field, the program's name, may hold blanks and ends at the last parenthesis.
  const started = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return `${pid} ${started}`.trim();
}

export function isAlive(owner) {
  const pid = Number(owner.split(' ')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  return identify(pid) === owner;
}

/**
 * Waits for the lock and returns what releases it.
 * @param {{ folder?: string, onWait?: (pid: string) => void, check?: () => void }} options
 */
export async function takeLock({
  folder = join(stateDirectory, 'setup.lock'),
  onWait,
  check = () => {},
} = {}) {
  mkdirSync(dirname(folder), { recursive: true });
  let waited = false;
  while (!tryTake(folder)) {
    const owner = readText(join(folder, 'owner'));
    if (isStale(folder, owner)) {
      removeStale(folder);
      continue;
    }
    if (!waited) onWait?.(owner?.split(' ')[0] ?? '?');
    waited = true;
    await sleep(POLL);
    check();
  }
  return () => rmSync(folder, { recursive: true, force: true });
}

function tryTake(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(join(folder, 'owner'), identify(process.pid));
  return true;
}

function isStale(folder, owner) {
  if (owner) return !isAlive(owner);
  try {
    return Date.now() - statSync(folder).mtimeMs > OWNERLESS_FOR;
  } catch {
    return false;
  }
}

/** Renaming succeeds for one only of those who found the lock stale. */
function removeStale(folder) {
  const aside = `${folder}.${process.pid}`;
  try {
    renameSync(folder, aside);
  } catch {
    return;
  }
  rmSync(aside, { recursive: true, force: true });
}
