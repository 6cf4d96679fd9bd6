import { useEffect, useState } from 'preact/hooks';
import { identifierOfPath, watchPath } from '../base/identifier.ts';
import { entryState, takeEntryKey } from '../base/key.ts';
import { useLatest } from '../base/use-events.ts';
import { Player } from '../player/player.ts';
import { t } from '../player/text.ts';
import { PlayerView } from '../player/view.tsx';
import { Caption } from './caption.tsx';
import { Chooser } from './chooser.tsx';

const player = new Player(location.href);
const { viewer } = player;
window.pharos = viewer;

/** Before anything is drawn: the connection is the slowest part. */
const first = identifierOfPath(location.pathname);
if (first) player.watch(first, takeEntryKey());
else viewer.prepare();

export function WatchPage() {
  const [identifier, setIdentifier] = useState(first);
  const title = useLatest(viewer, 'title', viewer.title) || identifier;
  useEffect(() => {
    document.title = title ? t('page.title', { title }) : t('page.choose');
  }, [title]);
  useEffect(() => {
    // Also when a link with a key is opened over the one without.
    const follow = () => {
      const next = identifierOfPath(location.pathname);
      if (next) player.watch(next, takeEntryKey());
      else viewer.stop();
      setIdentifier(next);
    };
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, []);

  const watch = (chosen: string, key: string | undefined) => {
    // Without loading a page anew: the connection is open, and the click allows sound.
    player.watch(chosen, key);
    player.afterJoin(() => {
      history.pushState(entryState(key), '', watchPath(chosen));
      setIdentifier(chosen);
    });
  };
  return (
    <main class="watch">
      <h1 class="visually-hidden">{title ? t('page.heading', { title }) : t('page.heading.choose')}</h1>
      <PlayerView
        player={player}
        identifier={identifier}
        // In the same stage: a player made only now would cost as much as half a join.
        instead={identifier ? undefined : <Chooser impossible={identifier === undefined} onWatch={watch} />}
      />
      <Caption viewer={viewer} identifier={identifier} />
    </main>
  );
}
