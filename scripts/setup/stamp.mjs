/** A stamp records what a finished step depended on; it is done again when that changes. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stampDirectory } from './paths.mjs';

export function hashOf(...parts) {
  const hash = createHash('sha256');
  // The length keeps ('ab', 'c') and ('a', 'bc') apart.
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex').slice(0, 16);
}

/** Changes with any file's name or content; a path may be a file, a folder or missing. */
export function hashFiles(base, paths) {
  const parts = [];
  for (const path of paths) {
    for (const file of filesOf(base, path)) parts.push(file, readFileSync(join(base, file)));
  }
  return hashOf(...parts);
}

function filesOf(base, path) {
  let entries;
  try {
    entries = readdirSync(join(base, path), { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOTDIR') return [path];
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.name !== 'node_modules')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const inner = `${path}/${entry.name}`;
      if (entry.isDirectory()) return filesOf(base, inner);
      return entry.isFile() ? [inner] : [];
    });
}

export function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Written beside and renamed: whoever reads sees the old text or the new one, never a part. */
export function writeText(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}.tmp`;
  writeFileSync(part, text);
  renameSync(part, file);
}

export const stamp = {
  read: (name) => readText(join(stampDirectory, name)),
  write: (name, value) => writeText(join(stampDirectory, name), value),
  clear: (name) => rmSync(join(stampDirectory, name), { force: true }),
};
