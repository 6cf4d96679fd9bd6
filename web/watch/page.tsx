import { useEffect, useState } from 'preact/hooks';
import { IDENTIFIER_RULE, identifierOfPath, watchPath } from '../base/identifier.ts';
import { IdentifierForm } from '../base/identifier-form.tsx';
import { signalUrl } from '../base/signal-url.ts';
import { StatusLight } from '../base/status.tsx';
import { Viewer } from '../lib/viewer.ts';
import { join } from './join.ts';
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
    const follow = () => {
      const next = identifierOfPath(location.pathname);
      if (next) join(viewer, next);
      else viewer.stop();
      setIdentifier(next);
    };
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, []);

  const watch = (chosen: string) => {
    // Without loading a page anew: the connection is open, and the click allows sound.
    join(viewer, chosen);
    history.pushState(null, '', watchPath(chosen));
    setIdentifier(chosen);
  };
  if (identifier) return <Player viewer={viewer} identifier={identifier} />;
  return <Chooser impossible={identifier === undefined} onWatch={watch} />;
}

type ChooserProps = {
  /** The address has something for an identifier that cannot be one. */
  impossible: boolean;
  onWatch(identifier: string): void;
};

function Chooser({ impossible, onWatch }: ChooserProps) {
  return (
    <main class="chooser">
      <h1>Watch a stream</h1>
      {impossible && (
        <div class="notice bad" role="alert">
          <StatusLight state="failed" tone="bad" text="Not found" />
          <div>There can be no stream by the identifier in this address. {IDENTIFIER_RULE}</div>
        </div>
      )}
      <div class="card">
        <IdentifierForm onWatch={onWatch} />
      </div>
    </main>
  );
}
