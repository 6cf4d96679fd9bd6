import { useEffect } from 'preact/hooks';
import { isIdentifier } from '../base/identifier.ts';
import { takeEntryKey } from '../base/key.ts';
import { useLatest } from '../base/use-events.ts';
import { FramedPlayer } from '../player/framed.tsx';
import { Player } from '../player/player.ts';
import { Remote } from '../player/remote.ts';
import { t } from '../player/text.ts';
import { answerParent } from './frame.ts';
import { embeddedIdentifier, parametersOf } from './parameters.ts';

const { autoplay, muted, controls, poster, origin } = parametersOf(location.search);
const identifier = embeddedIdentifier(location.pathname, isIdentifier);
const player = new Player(location.href, { muted });
const { viewer } = player;
window.pharos = viewer;

/** Before anything is drawn: the connection is the slowest part. */
if (identifier) {
  player.choose({ identifier, key: takeEntryKey() });
  if (autoplay) player.again();
}
answerParent(new Remote(player), origin);

export function EmbedPage() {
  const title = useLatest(viewer, 'title', viewer.title) || identifier;
  useEffect(() => {
    if (title) document.title = t('page.title', { title });
  }, [title]);
  return (
    <main>
      <FramedPlayer {...{ player, identifier, controls, poster }} />
    </main>
  );
}
