import { useEffect, useState } from 'preact/hooks';
import type { Player } from './player.ts';

/** A join that takes longer than this, in ms, leaves time for a poster; a faster one is not to be delayed by it. */
const AFTER = 400;
/** A server that has none just now, or no time for it, is asked again so often, in ms; and so many times. */
const AGAIN_AFTER = 10_000;
const TRIES = 3;

type Props = {
  player: Player;
  /** Instead of the server's own. */
  url?: string | undefined;
  /** There are words over it. */
  dim: boolean;
};

/** What the stream looked like a moment ago, as long as there is no picture. */
export function Poster({ player, url, dim }: Props) {
  const { posterUrl, target } = player;
  const [fetched, setFetched] = useState<string>();
  useEffect(() => {
    if (url || !posterUrl) return;
    const abort = new AbortController();
    let made: string | undefined;
    let tries = 0;
    let timer: ReturnType<typeof setTimeout>;
    const get = async () => {
      made = await fetchPicture(posterUrl, target?.key, abort.signal).catch(() => undefined);
      tries += 1;
      if (abort.signal.aborted) revoke(made);
      else if (made) setFetched(made);
      else if (tries < TRIES) timer = setTimeout(get, AGAIN_AFTER);
    };
    timer = setTimeout(get, AFTER);
    return () => {
      clearTimeout(timer);
      abort.abort();
      revoke(made);
      setFetched(undefined);
    };
  }, [url, posterUrl, target?.key]);
  const source = url ?? fetched;
  return source ? <img id="poster" class="poster" data-dim={dim} src={source} alt="" /> : null;
}

/** As a blob: an image element could not say who asks for it. Undefined where there is none. */
async function fetchPicture(
  url: string,
  key: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const headers = key ? { Authorization: `Bearer ${key}` } : undefined;
  const response = await fetch(url, { ...(headers && { headers }), signal, priority: 'low' });
  return response.ok ? URL.createObjectURL(await response.blob()) : undefined;
}

function revoke(url: string | undefined): void {
  if (url) URL.revokeObjectURL(url);
}
