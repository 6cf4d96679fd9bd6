import { useEffect, useState } from 'preact/hooks';
import { identifierOfPath, watchPath } from '../base/identifier.ts';
import { entryState } from '../base/key.ts';
import { signalUrl } from '../base/signal-url.ts';
import { Viewer } from '../lib/viewer.ts';
import { Chooser } from './chooser.tsx';
import { afterJoin, join } from './join.ts';
import { Player } from './player.tsx';

const viewer = new Viewer({ url: signalUrl() });
window.pharos = viewer;

/** Before anything is drawn: the connection is the slowest part. */
const first = identifierOfPath(location.pathname);
if (first) join(viewer, first);
else viewer.prepare();

export function WatchPage() {
  const [identifier, setIdentifier] = useState(first);
  useEffect(() => {
    document.title = identifier ? `${identifier} – Pharos` : 'Watch – Pharos';
  }, [identifier]);
  useEffect(() => {
    // Also when a link with a key is opened over the one without.
    const follow = () => {
      const next = identifierOfPath(location.pathname);
      if (next) join(viewer, next);
      else viewer.stop();
      setIdentifier(next);
    };
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, []);

  const watch = (chosen: string, key: string | undefined) => {
    // Without loading a page anew: the connection is open, and the click allows sound.
    join(viewer, chosen, key);
    afterJoin(viewer, () => {
      history.pushState(entryState(key), '', watchPath(chosen));
      setIdentifier(chosen);
    });
  };
  return (
    <Player
      viewer={viewer}
      identifier={identifier}
      // In the same stage: a player made only now would cost as much as half a join.
      chooser={identifier ? undefined : <Chooser impossible={identifier === undefined} onWatch={watch} />}
    />
  );
}
