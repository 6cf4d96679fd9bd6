/** What was revoked, kept on disk: a restart forgets nothing. */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../../config/errors.ts';
import { PharosError } from '../base/errors.ts';
import type { Terms } from './grant.ts';

const timeSchema = z.number().int().nonnegative();
const text = z.string().min(1).max(256);
/** Times in ms since 1970. */
const revocationSchema = z.strictObject({
  /** A token's `jti`, or whose tokens: those issued until `at`. */
  jti: text.optional(),
  subject: text.optional(),
  at: timeSchema,
  /** When all that it concerns will have expired; without, it is kept for good. */
  until: timeSchema.optional(),
});
const fileSchema = z.array(revocationSchema);
export type Revocation = z.infer<typeof revocationSchema>;

/** More is a sign that the secret should be changed, and would make each look longer. */
const MAX = 10_000;

export class Revocations {
  readonly #file: string | undefined;
  readonly #byId = new Map<string, Revocation>();
  readonly #bySubject = new Map<string, Revocation>();
  /** One writing after the other. */
  #saved: Promise<void> = Promise.resolve();

  /** @param file where they are kept; without, nowhere. @throws ConfigError if what is there can't be read. */
  constructor(now: number, file?: string) {
    this.#file = file;
    for (const revocation of file === undefined ? [] : read(file)) this.#put(revocation);
    this.#forget(now);
  }

  /**
   * Holds at once; resolves when it is on disk.
   * @throws PharosError `server_full`, and then it does not hold.
   */
  add(revocation: Revocation): Promise<void> {
    if (this.#size >= MAX) this.#forget(revocation.at);
    if (this.#size >= MAX) {
      throw new PharosError(
        'server_full',
        `${MAX} revocations are kept already; to end all tokens at once, change auth.jwt.secret`,
      );
    }
    this.#put(revocation);
    this.#saved = this.#saved.catch(() => {}).then(() => this.#save());
    return this.#saved;
  }

  covers({ id, subject, issuedAt }: Pick<Terms, 'id' | 'subject' | 'issuedAt'>): boolean {
    if (id !== undefined && this.#byId.has(id)) return true;
    const revocation = this.#bySubject.get(subject);
    return revocation !== undefined && (issuedAt ?? 0) <= revocation.at;
  }

  get #size(): number {
    return this.#byId.size + this.#bySubject.size;
  }

  #put(revocation: Revocation): void {
    const { jti, subject } = revocation;
    if (jti !== undefined) this.#byId.set(jti, revocation);
    if (subject !== undefined) this.#bySubject.set(subject, revocation);
  }

  #forget(now: number): void {
    for (const map of [this.#byId, this.#bySubject]) {
      for (const [name, { until = Number.POSITIVE_INFINITY }] of map) if (until < now) map.delete(name);
    }
  }

  /** Written beside and put in place: half a file would be no file. */
  async #save(): Promise<void> {
    if (this.#file === undefined) return;
    const all = [...new Set([...this.#byId.values(), ...this.#bySubject.values()])];
    const beside = `${this.#file}.new`;
    await writeFile(beside, `${JSON.stringify(all)}\n`, { mode: 0o600, flush: true });
    await rename(beside, this.#file);
  }
}

function read(file: string): Revocation[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    // Without them, what was revoked would hold again.
    throw new ConfigError(`dataDirectory: the revocations in ${file} cannot be read: ${String(error)}`, {
      cause: error,
    });
  }
}
