/** What the commands here have in common: arguments, the publish key, signals and exit codes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** npm changes the directory; this is where the person stands. */
export const here = process.env.INIT_CWD ?? process.cwd();

/** Wrong arguments: the message says which. */
export class UsageError extends Error {}

/** @throws {UsageError} */
export function serverOf(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol)) return parsed;
  throw new UsageError(`--url ${url} is no address like http://localhost:3000`);
}

/** @throws {UsageError} */
export function streamOf(id: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(id)) return id;
  throw new UsageError(`--stream ${id} cannot be: A-Z a-z 0-9 _ - and up to 64 of them`);
}

/** That of the environment, else that of a server that was started here. */
export function publishKey(): string | undefined {
  if (process.env.PHAROS_PUBLISH_KEY) return process.env.PHAROS_PUBLISH_KEY;
  try {
    return readFileSync(join(ROOT, 'data/publish-key'), 'utf8').trim() || undefined;
  } catch {
    // Another user's, or none: on the server's machine it may go without.
    return undefined;
  }
}

/** Milliseconds. */
const SAME_SIGNAL = 500;
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** The first signal asks for an orderly end, a later one ends it. Through npm one Ctrl-C comes twice, at once. */
export function onSignal(end: (exit: number) => void): void {
  let since: number | undefined;
  for (const [signal, exit] of Object.entries(EXIT_BY_SIGNAL)) {
    process.on(signal, () => {
      if (since !== undefined && performance.now() - since > SAME_SIGNAL) process.exit(exit);
      if (since === undefined) end(exit);
      since ??= performance.now();
    });
  }
}

/** Says what went wrong: 2 for wrong arguments, 1 for anything else. */
export function exitCode(error: unknown, command: string): number {
  console.error(error instanceof Error ? error.message : String(error));
  if (!(error instanceof UsageError)) return 1;
  console.error(`\nnpm run ${command} -- --help tells more.`);
  return 2;
}
