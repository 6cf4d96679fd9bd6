/** What each page loads, by vite's manifest: sizes in bytes, gzipped as a server sends them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export const MANIFEST = '.vite/manifest.json';
/** One file for pages of other origins; no page of ours, so vite's manifest does not have it. */
const COMPONENT = 'pharos-player.js';

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/**
 * A row for each page: `first`, what its HTML names and what that imports; `later`, what it may load when it
 * is asked for, above that.
 * @param {string} folder what vite has built, e.g. dist/web
 * @returns {{ page: string, first: number, later: number }[]}
 */
export function bundleSizes(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  const sizes = new Map();
  const sizeOf = (file) => {
    if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(join(folder, file))).length);
    return sizes.get(file);
  };
  const sum = (files) => [...files].reduce((total, file) => total + sizeOf(file), 0);
  const pages = Object.entries(manifest).filter(([key, { isEntry }]) => isEntry && key.endsWith('.html'));
  const rows = pages.map(([key]) => {
    const first = filesOf(manifest, [key], ({ imports = [] }) => imports);
    const all = filesOf(manifest, [key], ({ imports = [], dynamicImports = [] }) => [
      ...imports,
      ...dynamicImports,
    ]);
    const workers = workersOf(folder, all);
    return { page: nameOf(key), first: sum(first), later: sum(new Set([...all, ...workers])) - sum(first) };
  });
  rows.sort((a, b) => (a.page < b.page ? -1 : 1));
  const component = existsSync(join(folder, COMPONENT))
    ? [{ page: COMPONENT, first: sizeOf(COMPONENT), later: 0 }]
    : [];
  return [...rows, ...component];
}

const nameOf = (key) => (key === 'index.html' ? 'home' : key.replace(/\/index\.html$/, ''));

/** The files of these chunks and of all that `next` leads to. */
function filesOf(manifest, keys, next) {
  const seen = new Set();
  const files = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const chunk = manifest[key];
    if (/\.(js|css)$/.test(chunk.file)) files.add(chunk.file);
    for (const file of chunk.css ?? []) files.add(file);
    for (const further of next(chunk)) visit(further);
  };
  for (const key of keys) visit(key);
  return files;
}

/** A worker is a file that nothing imports: it is named in the text of what starts it. */
function workersOf(folder, files) {
  const scripts = readdirSync(join(folder, 'assets')).filter((name) => /worker.*\.js$/.test(name));
  const texts = [...files].map((file) => readFileSync(join(folder, file), 'utf8'));
  return scripts.filter((name) => texts.some((text) => text.includes(name))).map((name) => `assets/${name}`);
}

/** @param {{ page: string, first: number, later: number }[]} rows */
export function bundleTable(rows) {
  const lines = rows.map(({ page, first, later }) => [
    page,
    kilobytes(first),
    later ? kilobytes(later) : '–',
  ]);
  return [['page', 'at first', 'later'], ...lines]
    .map(([page, first, later]) => `  ${page.padEnd(18)}${first.padStart(10)}${later.padStart(10)}`)
    .join('\n');
}
