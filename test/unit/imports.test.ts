import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * What may import what, left to right: a layer may import any further right, and
 * itself. Folders in one layer are siblings, which do not import each other. A
 * folder belongs to the first entry that it lies in.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['server/http'],
  ['server/signaling', 'server/whip', 'server/cameras', 'server/recordings', 'server/posters'],
  ['server/streams'],
  ['server/auth', 'server/metrics', 'workers'],
  ['config'],
  ['server/base'],
  ['server/protocol'],
];
const RULE =
  'imports point right only: main -> http -> signaling, whip, cameras, recordings, posters -> streams -> auth, metrics, workers -> config -> base -> protocol; web -> protocol';

/** One folder a page; pages share what is in the other folders, and nothing with each other. */
const WEB_PAGES = [
  'web/publish',
  'web/watch',
  'web/recordings',
  'web/docs',
  'web/admin',
  'web/embed',
  'web/component',
  'web/home',
];
const PROTOCOL = 'server/protocol';
const MAIN = 'server/main.ts';

/**
 * The modules that a source imports, types included. Statements start a line
 * (biome sees to that), which keeps comments and strings out; what stands
 * between `import` and its module holds no quote.
 */
function importsOf(source: string): string[] {
  const statements = source.matchAll(/^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"\n]+)['"]/gm);
  const calls = source.matchAll(/\bimport\(\s*(?:\/\*.*?\*\/\s*)?['"]([^'"\n]+)['"]/g);
  return [...statements, ...calls].map((match) => match[1] ?? '');
}

/** A sentence for each thing in the file that breaks the rule. */
function faults(file: string, source: string): string[] {
  const found = importsOf(source).flatMap((specifier) => {
    const fault = faultOf(file, specifier);
    return fault === undefined ? [] : [`${file} imports "${specifier}": ${fault}`];
  });
  if (/(^|\/)index\.tsx?$/.test(file) || /^export \*/m.test(source)) {
    found.push(`${file}: nothing is re-exported through an index; import from the file that has it`);
  }
  if (/\bimport\((?!\s*(?:\/\*.*?\*\/\s*)?(['"])[^'"]*\1\s*\))/.test(source)) {
    found.push(`${file}: import() of anything but a literal can't be checked`);
  }
  return found;
}

function faultOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return packageFault(file, specifier);
  const target = posix.join(posix.dirname(file), specifier);
  if (target === MAIN) return 'main.ts is imported by nobody';
  return mayImport(file, target) ? undefined : RULE;
}

/** Browsers load these files too. */
function packageFault(file: string, specifier: string): string | undefined {
  const inBrowser = file.startsWith('web/') || lies(file, PROTOCOL);
  return inBrowser && specifier.startsWith('node:') ? 'what browsers load has no node: modules' : undefined;
}

function mayImport(file: string, target: string): boolean {
  if (file.startsWith('web/')) return webMayImport(file, target);
  const [from, to] = [layerOf(file), layerOf(target)];
  if (from === undefined || to === undefined) return false;
  return from.level < to.level || from.folder === to.folder;
}

function webMayImport(file: string, target: string): boolean {
  if (lies(target, PROTOCOL)) return true;
  const [from, to] = [webFolder(file), webFolder(target)];
  if (from === to || to === undefined) return from === to;
  // The client library stands alone; shared parts may use each other.
  return from !== 'web/lib' && !WEB_PAGES.includes(to);
}

function webFolder(file: string): string | undefined {
  return /^web\/[^/]+(?=\/)/.exec(file)?.[0] ?? (file.startsWith('web/') ? 'web' : undefined);
}

/** Files right in server/ are the composition root, left of everything. */
function layerOf(file: string): { level: number; folder: string } | undefined {
  for (const [level, folders] of LAYERS.entries()) {
    const folder = folders.find((candidate) => lies(file, candidate));
    if (folder !== undefined) return { level, folder };
  }
  return posix.dirname(file) === 'server' ? { level: -1, folder: 'server' } : undefined;
}

function lies(file: string, folder: string): boolean {
  return file.startsWith(`${folder}/`);
}

// --- The tree -----------------------------------------------------------------------

const ROOT = join(import.meta.dirname, '../..');
const files = globSync('{config,server,workers,web}/**/*.{ts,tsx}', { cwd: ROOT })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => !/node_modules|\.d\.ts$|^web\/vite\.config\.ts$/.test(file))
  .sort();

test('every import points right', () => {
  expect(files).toContain(MAIN);
  expect(files.flatMap((file) => faults(file, readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});

test('the imports are really read', () => {
  const read = (file: string) => importsOf(readFileSync(join(ROOT, file), 'utf8'));
  expect(read('server/protocol/messages.ts')).toEqual(['zod/mini', './codes.ts']);
  for (const file of files) {
    const source = readFileSync(join(ROOT, file), 'utf8');
    const words = source.match(/^import\b/gm)?.length ?? 0;
    expect(importsOf(source).length, file).toBeGreaterThanOrEqual(words);
  }
});

// --- The test of the test -------------------------------------------------------------

describe('a bad import is caught', () => {
  test.each([
    ['server/streams/stream.ts', '../signaling/socket.ts'],
    ['server/streams/stream.ts', '../http/app.ts'],
    ['server/signaling/socket.ts', '../whip/sdp.ts'],
    ['server/whip/sdp.ts', '../cameras/networks.ts'],
    ['server/cameras/camera.ts', '../http/app.ts'],
    ['workers/ffmpeg/process.ts', '../../server/cameras/camera.ts'],
    ['server/streams/stream.ts', '../recordings/store.ts'],
    ['server/recordings/store.ts', '../cameras/cameras.ts'],
    ['workers/ffmpeg/remux.ts', '../../server/recordings/finish.ts'],
    ['server/auth/grants.ts', '../../workers/media/pool.ts'],
    ['workers/media/pool.ts', '../../server/streams/stream.ts'],
    ['config/load.ts', '../workers/media/pool.ts'],
    ['server/base/logger.ts', '../../config/schema.ts'],
    ['server/protocol/messages.ts', '../base/errors.ts'],
    ['server/http/app.ts', '../greeting.ts'],
    ['server/http/app.ts', '../../web/lib/viewer.ts'],
    ['server/http/app.ts', '../../test/helpers/server.ts'],
    ['server/http/app.ts', '../main.ts'],
    ['server/greeting.ts', './main.ts'],
    ['web/lib/viewer.ts', '../../server/base/errors.ts'],
    ['web/lib/viewer.ts', '../watch/main.tsx'],
    ['web/lib/viewer.ts', '../ui/button.tsx'],
    ['web/watch/main.tsx', '../publish/main.tsx'],
    ['web/ui/button.tsx', '../watch/main.tsx'],
    ['web/watch/main.tsx', '../../config/schema.ts'],
    ['web/lib/viewer.ts', 'node:events'],
    ['server/protocol/codes.ts', 'node:crypto'],
  ])('%s -> %s', (file, specifier) => {
    expect(faults(file, `import { x } from '${specifier}';`)).toEqual([
      expect.stringContaining(`${file} imports "${specifier}": `),
    ]);
  });

  test.each([
    ['server/main.ts', './greeting.ts'],
    ['server/main.ts', './protocol/codes.ts'],
    ['server/http/app.ts', '../signaling/server.ts'],
    ['server/http/app.ts', './pages.ts'],
    ['server/http/cameras-api.ts', '../cameras/cameras.ts'],
    ['server/cameras/camera.ts', '../streams/registry.ts'],
    ['server/recordings/finish.ts', '../../workers/ffmpeg/remux.ts'],
    ['server/streams/stream.ts', '../../workers/media/pool.ts'],
    ['workers/ffmpeg/recorder.ts', '../media/pool.ts'],
    ['workers/media/pool.ts', '../../config/schema.ts'],
    ['config/load.ts', '../server/base/limits.ts'],
    ['server/base/errors.ts', '../protocol/codes.ts'],
    ['server/http/app.ts', 'node:http'],
    ['web/lib/viewer.ts', '../../server/protocol/messages.ts'],
    ['web/watch/main.tsx', '../lib/viewer.ts'],
    ['web/watch/main.tsx', '../ui/button.tsx'],
    ['web/main.tsx', './ui/button.tsx'],
    ['web/watch/main.tsx', './page.css'],
  ])('%s -> %s is fine', (file, specifier) => {
    expect(faults(file, `import { x } from '${specifier}';`)).toEqual([]);
  });

  test.each([
    ["import '../http/app.ts';"],
    ["import type { App } from '../http/app.ts';"],
    ["import app, {\n  type App,\n  createApp,\n} from '../http/app.ts';"],
    ["import * as app from '../http/app.ts';"],
    ["export { createApp } from '../http/app.ts';"],
    ["export type App = import('../http/app.ts').App;"],
    ["const app = await import('../http/app.ts');"],
    ["const app = await import(/* @vite-ignore */ '../http/app.ts');"],
    ["import { a } from 'a';\nimport { b } from '../http/app.ts';"],
  ])('in whatever form: %s', (source) => {
    expect(faults('server/streams/stream.ts', source)).toEqual([
      `server/streams/stream.ts imports "../http/app.ts": ${RULE}`,
    ]);
  });

  test('comments and strings are none', () => {
    const source =
      "// import '../http/app.ts'\n/*\n * import { a } from '../http/app.ts';\n */\nconst a = \"import '../http/app.ts'\";";
    expect(faults('server/streams/stream.ts', source)).toEqual([]);
  });

  test('re-exports, and what cannot be read, are refused', () => {
    expect(faults('server/streams/index.ts', '')).toHaveLength(1);
    expect(faults('server/streams/all.ts', "export * from './stream.ts';")).toHaveLength(1);
    expect(faults('server/streams/stream.ts', 'await import(name);')).toHaveLength(1);
    expect(faults('server/streams/stream.ts', "await import('./' + name);")).toHaveLength(1);
  });
});
