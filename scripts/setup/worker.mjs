/**
 * The mediasoup-worker binary: built from source, since WHEP needs what workers/native/wire adds to it;
 * the official one where it cannot be built.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { projectNode } from './npm.mjs';
import { attainable } from './packages.mjs';
import { cacheDirectory, nodeModules, outerPath, root, which } from './paths.mjs';
import { mustRun, openLog, run, SetupError } from './run.mjs';
import { hashFiles, hashOf, readText, stamp } from './stamp.mjs';

const NAME = 'worker';
const DOWNLOAD_TIMEOUT = 90_000;
const mediasoup = join(nodeModules, 'mediasoup');
/** Where mediasoup looks for it. */
const binary = join(mediasoup, 'worker', 'out', 'Release', 'mediasoup-worker');
/** What a worker exits with that was started by nobody who knows it. */
const HEALTHY = 41;

export const ROUTES = ['auto', 'prebuilt', 'build'];

/** Which of the ways the person wants; 'auto' is to build where that is possible. */
export function workerRoute(env = process.env) {
  const route = env.PHAROS_WORKER_ROUTE || (env.MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD ? 'build' : 'auto');
  if (ROUTES.includes(route)) return route;
  throw new SetupError(`PHAROS_WORKER_ROUTE is "${route}".`, { advice: `It can be ${ROUTES.join(', ')}.` });
}

function isHealthy(file) {
  return (
    existsSync(file) && spawnSync(file, [], { env: {}, stdio: 'ignore', timeout: 10_000 }).status === HEALTHY
  );
}

/** Whether it is our build (workers/media/wire.ts looks for the same). */
const isOurs = (file) => readFileSync(file).includes('pharos-wire-1');

/** The part of a cached binary's name that is known without a compiler. */
export function cachePrefix(version, recipe, platform = process.platform, arch = process.arch) {
  return `mediasoup-worker-${version}-${platform}-${arch}-${recipe}-`;
}

function currentPrefix() {
  const { version } = JSON.parse(readText(join(mediasoup, 'package.json')) ?? '{}');
  return cachePrefix(version, hashFiles(root, ['workers/native']));
}

const compiler = () => process.env.CXX || which(['c++', 'g++', 'clang++'], outerPath());

function compilerHash() {
  const found = compiler();
  const output = found && spawnSync(found, ['--version'], { encoding: 'utf8' }).stdout;
  return output ? hashOf(output) : undefined;
}

const cachedWorkers = () => join(cacheDirectory(), 'workers');

/** A binary built before that runs here; without a compiler any that fits will do. */
function findCached() {
  const start = currentPrefix() + (compilerHash() ?? '');
  let names = [];
  try {
    names = readdirSync(cachedWorkers()).filter((name) => name.startsWith(start) && !name.endsWith('.tmp'));
  } catch {
    // Nothing was ever built.
  }
  return names.map((name) => join(cachedWorkers(), name)).find(isHealthy);
}

/** Whoever runs the binary meanwhile, or reads it, sees the old file or the whole new one. */
function install(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  const part = `${to}.${process.pid}.tmp`;
  copyFileSync(from, part);
  renameSync(part, to);
}

function custom() {
  const file = process.env.MEDIASOUP_WORKER_BIN;
  if (!file) return false;
  if (isHealthy(file)) return true;
  throw new SetupError(`MEDIASOUP_WORKER_BIN is ${file}, which is no mediasoup-worker that runs here.`, {
    advice: 'Correct the variable or unset it.',
  });
}

/** The stamp says which way the binary came; the check that it runs is as cheap as a look at its date. */
function ready() {
  if (custom()) return true;
  const route = workerRoute();
  const [came, prefix] = (stamp.read(NAME) ?? '').split(' ');
  // Also one that an earlier setup wrote in other words.
  if (!ROUTES.includes(came) || (route !== 'auto' && route !== came)) return false;
  return (came !== 'build' || prefix === currentPrefix()) && isHealthy(binary);
}

function finish(came) {
  stamp.write(NAME, `${came} ${currentPrefix()}`);
}

/**
 * mediasoup's own installer. Where the download fails it would go on to build with pip and meson,
 * which need more of the internet still; a PYTHON that always fails stops it there.
 */
async function download(report) {
  report.start(NAME, "mediasoup's prebuilt binary (without WHEP)");
  const env = { ...process.env, PYTHON: 'false', MEDIASOUP_FORCE_WORKER_PREBUILT_DOWNLOAD: '1' };
  const result = await run(projectNode(), ['npm-scripts.mjs', 'postinstall'], {
    cwd: mediasoup,
    env,
    log: openLog('worker-download'),
    timeout: DOWNLOAD_TIMEOUT,
  });
  if (result.ok && isHealthy(binary)) {
    finish('prebuilt');
    report.done();
    return true;
  }
  report.failed(result.timedOut ? 'no answer' : 'not to be had');
  return false;
}

/** Gets the binary without building: built before, or, where it cannot be built, downloaded. */
export const workerDownload = {
  name: NAME,
  ready,
  async run(report) {
    const route = workerRoute();
    if (route !== 'prebuilt' && useCached(report)) return;
    if (route === 'build' || (route === 'auto' && attainable('build'))) return;
    if (await download(report)) return;
    if (route === 'prebuilt') {
      throw new SetupError("mediasoup's prebuilt worker could not be downloaded.", {
        log: '.pharos/logs/worker-download.log',
        advice: 'Unset PHAROS_WORKER_ROUTE to build it from source.',
      });
    }
  },
};

function useCached(report) {
  const cached = findCached();
  if (!cached) return false;
  report.start(NAME, 'built before, from the cache');
  install(cached, binary);
  finish('build');
  report.done();
  return true;
}

export const workerBuild = {
  name: NAME,
  ready,
  async run(report) {
    // With the packages just installed, a cached binary may run that did not before.
    if (useCached(report)) return;
    const compilerId = compilerHash();
    const name = currentPrefix() + compilerId;
    // Its own folder for each checkout. It is kept when the build is cut off, and the next one goes on there.
    const folder = join(cacheDirectory(), 'build', `${name}-${hashOf(root)}`);
    const options = { env: { ...process.env, PATH: outerPath() }, log: openLog('worker-build') };
    const advice =
      'The lines above name what is missing or wrong. Where the internet is reachable, PHAROS_WORKER_ROUTE=prebuilt avoids the build, at the price of WHEP.';

    report.start(NAME, 'building from source, about 3 minutes on two cores');
    await mustRun('mediasoup-worker could not be configured.', 'cmake', configuration(folder), {
      ...options,
      advice,
    });
    await mustRun('mediasoup-worker could not be built.', 'ninja', ['-C', folder, '-j', String(jobs())], {
      ...options,
      advice,
      onLine: (text) => report.progress(/^\[\d+\/\d+\]/.exec(text)?.[0] ?? ''),
    });

    const built = join(folder, 'mediasoup-worker');
    if (!isHealthy(built) || !isOurs(built))
      throw new SetupError('mediasoup-worker was built but does not run.', { advice });
    install(built, join(cachedWorkers(), name));
    install(built, binary);
    rmSync(folder, { recursive: true, force: true });
    finish('build');
    report.what('built from source');
    report.done();
  },
};

function configuration(folder) {
  return [
    '-G',
    'Ninja',
    '-S',
    join(root, 'workers', 'native'),
    '-B',
    folder,
    `-DMEDIASOUP_WORKER=${join(mediasoup, 'worker')}`,
  ];
}

// One compiler takes up to 1 GB.
const jobs = () => Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2 ** 30)));

/** What the build takes, unless a cached binary runs. */
export const workerNeeds = () => (ready() || workerRoute() === 'prebuilt' ? [] : ['build']);
