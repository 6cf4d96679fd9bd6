import * as z from 'zod/mini';
import { session } from '../base/storage.ts';

const schema = z.object({
  stream: z.string(),
  /** The secret by which it is taken over, and for how many ms after the page was left. */
  session: z.string(),
  grace: z.number(),
  /** When the page was last there, and since when it was live, in ms since 1970. */
  at: z.number(),
  liveSince: z.number(),
  camera: z.string(),
  microphone: z.string(),
  muted: z.optional(z.boolean()),
  cameraOff: z.optional(z.boolean()),
});

/** What this tab was sending: a page that is loaded again in time goes on with it. */
export type Resumable = z.infer<typeof schema>;

const NAME = 'live';

/** What was live in this tab a moment ago. */
export function resumable(now = Date.now()): Resumable | undefined {
  const { data } = z.safeParse(schema, parsed(session.get(NAME)));
  return data && now - data.at < data.grace ? data : undefined;
}

export function remember(live: Resumable | undefined): void {
  session.set(NAME, live && JSON.stringify(live));
}

/** One page left may take a moment to let go. */
const LET_GO = 1000;

/** Keeps the stream for this page until the function is called that is returned, or the page is left. */
export function hold(stream: string): () => void {
  const over = new AbortController();
  const held = new Promise<void>((resolve) => over.signal.addEventListener('abort', () => resolve()));
  navigator.locks?.request(lockOf(stream), { signal: over.signal }, () => held).catch(() => {});
  return () => over.abort();
}

/** Whether no page holds the stream: a tab that was duplicated remembers what the other one goes on with. */
export async function isLeft(stream: string): Promise<boolean> {
  if (!navigator.locks) return true;
  const signal = AbortSignal.timeout(LET_GO);
  return navigator.locks.request(lockOf(stream), { signal }, () => true).catch(() => false);
}

function lockOf(stream: string): string {
  return `pharos.live.${stream}`;
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}
