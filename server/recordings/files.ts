/** Files that are either whole or not there, whatever happens in between. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';

const CHUNK_BYTES = 1 << 20;

/** Writes it beside, and puts it in its place when it is on the disk. */
export async function writeWhole(file: string, temporary: string, text: string): Promise<void> {
  try {
    const handle = await open(temporary, 'w', 0o640);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncPath(dirname(file));
}

/** Puts a file that somebody else has written in its place, when it is on the disk. */
export async function moveWhole(temporary: string, file: string): Promise<void> {
  await syncPath(temporary);
  await rename(temporary, file);
  await syncPath(dirname(file));
}

/** Of a folder: the names in it. */
async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** In hexadecimal. @throws the signal's reason when it is aborted. */
export async function sha256(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: CHUNK_BYTES }), hash, { ...(signal && { signal }) });
  return hash.digest('hex');
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** For people: what stands after the code in the words of the system. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'ENOSPC') return NO_SPACE;
  return error.message;
}

export const NO_SPACE = 'there is no space left on the disk';
