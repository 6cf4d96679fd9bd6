import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../../config/errors.ts';
import { type CameraSettings, cameraSchema } from '../../config/schema.ts';

const stored = z.object({ version: z.literal(1), cameras: z.array(cameraSchema) });

/** The cameras that were added while running, in a file of the data directory that only its owner reads. */
export class CameraStore {
  readonly #file: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(dataDirectory: string) {
    this.#file = join(dataDirectory, 'cameras.json');
  }

  /** @throws ConfigError if the file is there and cannot be used; its content is not shown. */
  load(): CameraSettings[] {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw this.#unusable(error instanceof Error ? error.message : String(error));
    }
    const parsed = stored.safeParse(parseJson(text));
    if (!parsed.success) {
      throw this.#unusable(`${parsed.error.issues[0]?.path.join('.') || 'it'} is not as Pharos wrote it`);
    }
    return parsed.data.cameras;
  }

  /** Resolves when it is on disk; a crash leaves the old file or the new one. */
  save(cameras: readonly CameraSettings[]): Promise<void> {
    const text = `${JSON.stringify({ version: 1, cameras }, undefined, 2)}\n`;
    const written = this.#writing.then(() => this.#write(text));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #write(text: string): Promise<void> {
    const part = `${this.#file}.tmp`;
    mkdirSync(join(this.#file, '..'), { recursive: true, mode: 0o700 });
    // One left over may have other rights.
    await rm(part, { force: true });
    const file = await open(part, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, this.#file);
  }

  #unusable(reason: string): ConfigError {
    return new ConfigError(
      `dataDirectory: ${this.#file} cannot be used: ${reason}; correct it, or delete it and add the cameras again`,
    );
  }
}

/** The message of JSON.parse quotes what it could not read. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
