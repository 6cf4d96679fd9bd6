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

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}
