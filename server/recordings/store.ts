/** The recordings' folder: what is in it, what is known of it, and getting rid of it. */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PharosError } from '../base/errors.ts';
import { STREAM_ID_PATTERN } from '../protocol/codes.ts';
import { isMissing, writeWhole } from './files.ts';
import { type Metadata, newMetadata, parseMetadata } from './metadata.ts';
import {
  formatRecordingId,
  metadataName,
  parseFileName,
  type RecordingFile,
  type RecordingId,
  startName,
  startTime,
  temporaryName,
} from './names.ts';

export type StoredFile = RecordingFile & { name: string; bytes: number; modified: number };

export type StoredRecording = RecordingId & {
  metadata: Metadata | undefined;
  /** What is wrong with the `.json`, if it cannot be used. */
  problem: string | undefined;
};

export type ListOptions = {
  stream?: string | undefined;
  /** Only what is older than this id's recording: the last of the page before. */
  before?: RecordingId | undefined;
  limit: number;
};

export class Store {
  readonly root: string;
  /** The last change of each recording that is not through yet. */
  readonly #changes = new Map<string, Promise<unknown>>();

  private constructor(root: string) {
    this.root = root;
  }

  static async create(root: string): Promise<Store> {
    await mkdir(root, { recursive: true, mode: 0o750 });
    return new Store(root);
  }

  folder({ stream }: { stream: string }): string {
    // Whoever made the id has checked it; a path is made only here.
    if (!STREAM_ID_PATTERN.test(stream)) throw new Error('not a stream id');
    return join(this.root, stream);
  }

  path(id: RecordingId, name: string): string {
    if (parseFileName(name)?.start !== id.start) throw new Error('not a file of this recording');
    return join(this.folder(id), name);
  }

  /** A new recording, which begins now. */
  async begin(stream: string, now: number): Promise<Metadata> {
    await mkdir(this.folder({ stream }), { recursive: true, mode: 0o750 });
    // Two in one millisecond are none.
    let time = now;
    while ((await this.files({ stream, start: startName(time) })).length > 0) time += 1;
    return await this.write(
      { stream, start: startName(time) },
      newMetadata({ stream, start: startName(time) }),
    );
  }

  async read(id: RecordingId): Promise<StoredRecording> {
    try {
      const parsed = parseMetadata(await readFile(this.path(id, metadataName(id.start)), 'utf8'), id);
      return 'metadata' in parsed
        ? { ...id, metadata: parsed.metadata, problem: undefined }
        : { ...id, metadata: undefined, problem: `its .json cannot be used: ${parsed.problem}` };
    } catch (error) {
      if (!isMissing(error)) throw error;
      return { ...id, metadata: undefined, problem: 'it has no .json' };
    }
  }

  /** @throws PharosError if there is no such recording. */
  async find(id: RecordingId): Promise<StoredRecording> {
    const found = await this.read(id);
    if (found.metadata === undefined && (await this.files(id)).length === 0) throw notFound(id);
    return found;
  }

  write(id: RecordingId, metadata: Metadata): Promise<Metadata> {
    return this.#change(id, async () => this.#put(id, metadata));
  }

  /** One change after the other; each sees what the one before has left. */
  update(id: RecordingId, change: (metadata: Metadata) => Metadata): Promise<Metadata> {
    return this.#change(id, async () => {
      const { metadata, problem } = await this.read(id);
      if (metadata === undefined) throw new Error(`${formatRecordingId(id)}: ${problem}`);
      return this.#put(id, change(metadata));
    });
  }

  /** Newest first. */
  async ids(stream?: string): Promise<RecordingId[]> {
    const streams = stream === undefined ? await this.#streams() : [stream];
    const found: RecordingId[] = [];
    for (const name of streams) {
      const files = await namesIn(this.folder({ stream: name }));
      const starts = new Set(files.flatMap((file) => ownStart(file) ?? []));
      for (const start of starts) found.push({ stream: name, start });
    }
    return found.sort(newestFirst);
  }

  async list({ stream, before, limit }: ListOptions): Promise<StoredRecording[]> {
    const ids = await this.ids(stream);
    const rest = before === undefined ? ids : ids.filter((id) => newestFirst(before, id) < 0);
    const found: StoredRecording[] = [];
    for (const id of rest.slice(0, limit)) found.push(await this.read(id));
    return found;
  }

  /** What there is on the disk of a recording. */
  async files({ stream, start }: RecordingId): Promise<StoredFile[]> {
    return await this.#filesOf(stream, start);
  }

  /** All recordings with all their files, newest first. */
  async inventory(): Promise<(RecordingId & { files: StoredFile[] })[]> {
    const found = new Map<string, RecordingId & { files: StoredFile[] }>();
    for (const stream of await this.#streams()) {
      for (const file of await this.#filesOf(stream)) {
        const id = { stream, start: file.start };
        const entry = found.get(formatRecordingId(id)) ?? { ...id, files: [] };
        entry.files.push(file);
        found.set(formatRecordingId(id), entry);
      }
    }
    return [...found.values()].sort(newestFirst);
  }

  /** @throws PharosError if there is none, or it is not finished. */
  async delete(id: RecordingId): Promise<void> {
    await this.#change(id, async () => {
      const { metadata } = await this.find(id);
      // Without a readable one, those that run are the only ones that nobody may touch; they have one.
      if (metadata && metadata.state !== 'done') {
        throw new PharosError('wrong_order', 'this recording is not finished');
      }
      const files = await this.files(id);
      // What says that there is a recording goes last: what is left by a crash is found again.
      const rank = ({ kind }: StoredFile) => (kind === 'metadata' ? 1 : 0);
      for (const { name } of files.sort((a, b) => rank(a) - rank(b))) {
        await rm(this.path(id, name), { force: true });
      }
    });
  }

  /** Deletes what was being made of something else when the server died. Before anybody is at it again. */
  async deleteTemporary(): Promise<void> {
    for (const stream of await this.#streams()) {
      const folder = this.folder({ stream });
      for (const name of await namesIn(folder)) {
        if (parseFileName(name)?.kind === 'temporary') await rm(join(folder, name), { force: true });
      }
    }
  }

  async #streams(): Promise<string[]> {
    const entries = await readdir(this.root, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && STREAM_ID_PATTERN.test(entry.name))
      .map(({ name }) => name);
  }

  async #filesOf(stream: string, start?: string): Promise<StoredFile[]> {
    const folder = this.folder({ stream });
    const found: StoredFile[] = [];
    for (const name of await namesIn(folder)) {
      const file = parseFileName(name);
      if (file === undefined || (start !== undefined && file.start !== start)) continue;
      const info = await stat(join(folder, name)).catch(ignoreMissing);
      if (info) found.push({ ...file, name, bytes: info.size, modified: info.mtimeMs });
    }
    return found;
  }

  async #put(id: RecordingId, metadata: Metadata): Promise<Metadata> {
    const name = metadataName(id.start);
    const text = `${JSON.stringify(metadata, null, 2)}\n`;
    await writeWhole(this.path(id, name), this.path(id, temporaryName(name)), text);
    return metadata;
  }

  async #change<T>(id: RecordingId, work: () => Promise<T>): Promise<T> {
    const key = formatRecordingId(id);
    const before = this.#changes.get(key) ?? Promise.resolve();
    const after = before.then(work, work);
    this.#changes.set(key, after);
    try {
      return await after;
    } finally {
      if (this.#changes.get(key) === after) this.#changes.delete(key);
    }
  }
}

/** When a recording began, in ms since 1970. */
export function timeOf({ start }: RecordingId): number {
  return startTime(start) ?? 0;
}

function notFound(id: RecordingId): PharosError {
  return new PharosError('stream_not_found', `there is no recording ${formatRecordingId(id)}`);
}

/** Starts are of one length and form, so that their order as text is that in time. */
function newestFirst(a: RecordingId, b: RecordingId): number {
  if (a.start !== b.start) return a.start < b.start ? 1 : -1;
  return a.stream === b.stream ? 0 : a.stream < b.stream ? -1 : 1;
}

function ownStart(name: string): string | undefined {
  const file = parseFileName(name);
  return file && file.kind !== 'temporary' ? file.start : undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(ignoreMissing);
  return (entries ?? []).filter((entry) => entry.isFile()).map(({ name }) => name);
}

function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
