/** Where setup finds and leaves things. */
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const nodeModules = join(root, 'node_modules');

/** Stamps vanish with node_modules, as they must; logs and the lock outlive an `npm ci`. */
export const stampDirectory = join(nodeModules, '.pharos');
export const stateDirectory = join(root, '.pharos');

/** The user's cache, shared by all checkouts: what took long to make is kept there. */
export function cacheDirectory(env = process.env, platform = process.platform) {
  const xdg = env.XDG_CACHE_HOME;
  if (xdg && isAbsolute(xdg)) return join(xdg, 'pharos');
  const home = env.HOME || homedir();
  return platform === 'darwin' ? join(home, 'Library', 'Caches', 'pharos') : join(home, '.cache', 'pharos');
}

/** The first program of one of these names on the PATH. */
export function which(names, path = process.env.PATH ?? '') {
  for (const name of [names].flat()) {
    for (const folder of path.split(delimiter)) {
      const file = join(folder || '.', name);
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}

/** npm puts node_modules/.bin first on the PATH; this is the PATH as the user has it. */
export function outerPath(path = process.env.PATH ?? '') {
  return path
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter);
}

export function isInside(file, folder) {
  const real = existsSync(file) ? realpathSync(file) : file;
  return real.startsWith(`${folder}/`);
}
