/** Files that take ffmpeg a moment: made once for a machine, whoever asks first and however many at once. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';

const making = new Map<string, Promise<string>>();

/** The path of the file of that name; `make` writes it to the path that it is given. */
export function madeOnce(name: string, make: (path: string) => Promise<unknown>): Promise<string> {
  const file = join(tmpdir(), 'pharos-test-media', name);
  const known = making.get(file);
  if (known) return known;
  const made = existsSync(file) ? Promise.resolve(file) : makeFile(file, make);
  making.set(file, made);
  made.catch(() => making.delete(file));
  return made;
}

/** Another process may be making it too: each has a name of its own for it until it is whole. */
async function makeFile(file: string, make: (path: string) => Promise<unknown>): Promise<string> {
  mkdirSync(dirname(file), { recursive: true });
  const extension = extname(file);
  const part = join(dirname(file), `.${basename(file, extension)}-${randomUUID()}${extension}`);
  await make(part);
  renameSync(part, file);
  return file;
}
