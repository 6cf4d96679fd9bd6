/** The player's side of a frame: messages from, and to, the page around it, and nobody else. */
import * as z from 'zod/mini';
import { command, type Happening, type Remote } from '../player/remote.ts';

/** Marks what is ours among all that pages say to each other. */
const MARK = 'pharos';

const marked = z.looseObject({ [MARK]: z.literal(1) });

/**
 * Drives the player by what the page around says. It hears of the player by its origin only, which is the
 * one of `?origin=`, else what the browser says the page's is, else that of its first message; before that
 * it is told that there is a player, and no more.
 */
export function answerParent(remote: Remote, allowed: string | undefined): () => void {
  const { parent } = window;
  if (parent === window) return () => {};
  let origin = allowed ?? ancestorOrigin();
  const say = (message: Happening | { type: 'ready' }, target: string) =>
    parent.postMessage({ [MARK]: 1, ...message }, target);

  const onMessage = (event: MessageEvent<unknown>) => {
    if (event.source !== parent || (allowed !== undefined && event.origin !== allowed)) return;
    const asked = commandIn(event.data);
    // A page that is nobody's (sandboxed, or a file) has no name to answer to.
    if (!asked || event.origin === 'null') return;
    origin = event.origin;
    remote.do(asked);
  };
  addEventListener('message', onMessage);
  const off = remote.on('happening', (happening) => {
    if (origin !== undefined) say(happening, origin);
  });
  say({ type: 'ready' }, origin ?? '*');
  remote.do({ type: 'getState' });
  return () => {
    removeEventListener('message', onMessage);
    off();
  };
}

function commandIn(data: unknown) {
  const ours = z.safeParse(marked, data);
  if (!ours.success) return undefined;
  const { [MARK]: _, ...rest } = ours.data;
  const asked = z.safeParse(command, rest);
  return asked.success ? asked.data : undefined;
}

/** Firefox does not tell, unless by the referrer. */
function ancestorOrigin(): string | undefined {
  const text = location.ancestorOrigins?.[0] ?? document.referrer;
  if (!URL.canParse(text)) return undefined;
  const { origin } = new URL(text);
  return origin === 'null' ? undefined : origin;
}
