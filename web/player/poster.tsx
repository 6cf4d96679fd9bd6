import { useEffect, useState } from 'preact/hooks';
import type { Player } from './player.ts';

/** A join that takes longer than this, in ms, leaves time for a poster; a faster one is not to be delayed by it. */
const AFTER = 400;

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
    const timer = setTimeout(async () => {
      made = await fetchPicture(posterUrl, target?.key, abort.signal).catch(() => undefined);
      if (abort.signal.aborted) revoke(made);
      else setFetched(made);
    }, AFTER);
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
