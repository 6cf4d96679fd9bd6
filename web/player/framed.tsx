import { useEffect, useState } from 'preact/hooks';
import { useLatest } from '../base/use-events.ts';
import type { Player } from './player.ts';
import { t } from './text.ts';
import { PlayerView, StartButton } from './view.tsx';

type Props = {
  player: Player;
  /** Undefined: the address has none that is possible. */
  identifier: string | undefined;
  controls: boolean;
  poster: boolean | string;
  guest?: boolean;
};

/** The player alone, which may wait until it is asked to play: in a frame, and in a page of somebody else's. */
export function FramedPlayer({ player, identifier, ...options }: Props) {
  const { viewer } = player;
  const state = useLatest(viewer, 'state', viewer.state);
  const [begun, setBegun] = useState(state.name !== 'idle');
  useEffect(() => {
    if (state.name !== 'idle') setBegun(true);
  }, [state.name]);
  const start = <StartButton onStart={() => player.again()} onPrepare={() => viewer.prepare()} />;
  return (
    <PlayerView
      {...options}
      {...{ player, identifier }}
      instead={identifier ? !begun && start : <Impossible />}
    />
  );
}

function Impossible() {
  return (
    <div class="message">
      <p class="message-title">{t('choose.impossible')}</p>
    </div>
  );
}
