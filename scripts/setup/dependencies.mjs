/** node_modules, as package-lock.json says. */
import { existsSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runNpm } from './npm.mjs';
import { nodeModules, root, stateDirectory } from './paths.mjs';
import { openLog, SetupError } from './run.mjs';
import { hashOf, readText, stamp, writeText } from './stamp.mjs';

const NAME = 'dependencies';
const lockFile = join(root, 'package-lock.json');
/** npm's own record of what it has put into node_modules. */
const installedFile = join(nodeModules, '.package-lock.json');
/** There while `npm ci` runs. Found at the start, it means that one was cut off. */
const unfinishedFile = join(stateDirectory, 'npm-ci-unfinished');

/** @type {(lock: string, manifest: string, platform?: string, arch?: string) => string} */
export function dependenciesKey(lock, manifest, platform = process.platform, arch = process.arch) {
  const { dependencies, devDependencies, optionalDependencies, overrides } = JSON.parse(manifest);
  const wanted = JSON.stringify([dependencies, devDependencies, optionalDependencies, overrides]);
  return hashOf(lock, wanted, platform, arch);
}

function currentKey() {
  const lock = readText(lockFile);
  const manifest = readText(join(root, 'package.json'));
  if (!lock || !manifest)
    throw new SetupError('package.json or package-lock.json is missing.', {
      advice: 'Clone the project again.',
    });
  return dependenciesKey(lock, manifest);
}

/**
 * Whether npm's record of node_modules agrees with the lock file, e.g. after a person's `npm install`.
 * @type {(lock: any, installed: any, exists: (path: string) => boolean, machine?: { platform: string, arch: string }) => boolean}
 */
export function installedMatches(lock, installed, exists, { platform, arch } = process) {
  return Object.entries(lock.packages ?? {}).every(([path, wanted]) => {
    if (path === '' || wanted.link) return true;
    const have = installed.packages?.[path];
    if (!have) return wanted.optional === true && !isFor(wanted, platform, arch);
    return have.version === wanted.version && have.integrity === wanted.integrity && exists(path);
  });
}

// npm leaves out optional packages for other machines. Which C library a machine has is not asked
// here: one of the two packages that differ only in that is rightly missing.
function isFor({ os, cpu, libc }, platform, arch) {
  if (libc || (!os && !cpu)) return false;
  return (os ?? [platform]).includes(platform) && (cpu ?? [arch]).includes(arch);
}

function alreadyInstalled() {
  if (existsSync(unfinishedFile) || !existsSync(installedFile)) return false;
  try {
    const [lock, installed] = [lockFile, installedFile].map((file) => JSON.parse(readText(file)));
    return installedMatches(lock, installed, (path) => existsSync(join(root, path, 'package.json')));
  } catch {
    return false;
  }
}

export const dependencies = {
  name: NAME,
  ready: () => stamp.read(NAME) === currentKey() && existsSync(installedFile),

  async run(report) {
    const key = currentKey();
    if (alreadyInstalled()) return stamp.write(NAME, key);

    stamp.clear(NAME);
    writeText(unfinishedFile, '');
    report.start(NAME, 'npm ci');
    // --include=dev: with NODE_ENV=production npm would leave out vite, which builds the pages.
    await runNpm(
      'npm could not install the dependencies.',
      ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'],
      {
        log: openLog(NAME),
        advice: `Is the npm registry reachable (npm ping)? If package.json was changed by hand: npm install, then commit ${relative(root, lockFile)}.`,
      },
    );
    stamp.write(NAME, key);
    rmSync(unfinishedFile, { force: true });
    report.done();
  },
};
