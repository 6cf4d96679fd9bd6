import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { PlayIcon } from '../base/icons.tsx';
import { local } from '../base/storage.ts';
import { useLatest } from '../base/use-events.ts';
import { toggleCaptions } from './captions.ts';
import { Controls } from './controls.tsx';
import { bannerFor, messageFor } from './describe.ts';
import { useFullscreen } from './fullscreen.ts';
import { Help } from './help.tsx';
import { Hint } from './hint.tsx';
import { useMediaSession } from './media-session.ts';
import { SettingsMenu } from './menu.tsx';
import { Overlay } from './overlay.tsx';
import { toggleFloating } from './picture-in-picture.ts';
import type { Player } from './player.ts';
import { Poster } from './poster.tsx';
import { type Shortcuts, useShortcuts } from './shortcuts.ts';
import { Stats } from './stats.tsx';
import { t } from './text.ts';
import { useIdle } from './use-idle.ts';
import { usePlayback } from './use-playback.ts';
import { useQuality } from './use-quality.ts';
import { useSaid } from './use-said.ts';

const VOLUME_STEP = 0.05;

type Props = {
  player: Player;
  /** Of the stream that is watched; '' or undefined while there is none. */
  identifier: string | undefined;
  /** Stands in for the picture as long as there is none to come. */
  instead?: ComponentChildren;
  /** Without them a script, or the keys, do what they do. */
  controls?: boolean;
  /** `false`: none; an address: this instead of the server's own. */
  poster?: boolean | string;
  /** Whether the page is somebody else's, whose keys are not ours unless the focus is in the player. */
  guest?: boolean;
};

/** The stage: picture, what is said over it, controls, panels. */
export function PlayerView({ player, identifier, instead, controls = true, poster = true, guest }: Props) {
  const { viewer, playback, quality } = player;
  const stage = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const state = useLatest(viewer, 'state', viewer.state);
  const trouble = useLatest(viewer, 'trouble', viewer.trouble);
  const unplayable = useLatest(viewer, 'unplayable', []);
  const title = useLatest(viewer, 'title', viewer.title) || identifier || '';
  const { wish } = useLatest(quality, 'state', quality.state);
  const { playbackState, showing } = usePlayback(player, video, state);
  const fullscreen = useFullscreen(stage, video);
  const idle = useIdle(stage, showing && !playbackState.paused);
  const [panel, setPanel] = useState<'stats' | 'help'>();
  const [keys, setKeys] = useState(true);
  const [said, say] = useSaid();
  useQuality(quality, video, showing && playbackState.paused);
  useMediaSession(player, { showing, playback: playbackState, title });
  // Storage is read when nobody waits for a picture any more.
  useEffect(() => setKeys(local.get('keys') !== 'off'), []);

  const toggle = (name: 'stats' | 'help') => setPanel((open) => (open === name ? undefined : name));
  const always: Shortcuts = panel ? { escape: () => setPanel(undefined) } : {};
  const changeVolume = (by: number) => {
    const { muted, volume } = playback.state;
    const next = Math.min(1, Math.max(0, (muted ? 0 : volume) + by));
    playback.setVolume(Math.round(next * 100) / 100);
    say(t('said.volume', { percent: Math.round(next * 100) }));
  };
  const shortcuts: Shortcuts = {
    ' ': () => playback.togglePaused(),
    k: () => playback.togglePaused(),
    m: () => {
      playback.toggleMuted();
      say(t(playback.state.muted ? 'said.muted' : 'said.unmuted'));
    },
    f: fullscreen.toggle,
    p: () => void toggleFloating(video.current),
    c: () => video.current && say(t(`said.captions.${toggleCaptions(video.current) ?? 'none'}`)),
    i: () => toggle('stats'),
    '?': () => toggle('help'),
    arrowup: () => changeVolume(VOLUME_STEP),
    arrowdown: () => changeVolume(-VOLUME_STEP),
  };
  const active = identifier && !instead ? (keys ? { ...shortcuts, ...always } : always) : {};
  useShortcuts(active, guest ? stage : undefined);

  const message = identifier && !instead ? messageFor(state, identifier) : undefined;
  const leave = () => {
    fullscreen.leave();
    viewer.stop();
  };
  const menu = useMemo(
    () => <SettingsMenu {...{ quality }} onStats={() => setPanel('stats')} onHelp={() => setPanel('help')} />,
    [quality],
  );
  return (
    <div
      class="stage"
      ref={stage}
      tabIndex={guest ? -1 : undefined}
      data-idle={idle && !panel && wish !== 'audio'}
      data-fullscreen={fullscreen.on}
    >
      {/* biome-ignore lint/a11y/useMediaCaption: a live stream from the publisher's camera brings none along */}
      <video
        id="player"
        ref={video}
        data-state={state.name}
        playsInline
        aria-label={t('video')}
        onDblClick={fullscreen.toggle}
      />
      {poster && identifier && !showing && (
        <Poster player={player} url={typeof poster === 'string' ? poster : undefined} dim={!instead} />
      )}
      {instead || (
        <Overlay
          {...{ state, message, showing }}
          banner={bannerFor(state, trouble, unplayable)}
          audioOnly={wish === 'audio'}
          playback={playbackState}
          onPlay={() => void playback.play()}
          onUnmute={() => playback.setMuted(false)}
          onAgain={() => player.again()}
          onPrepare={() => viewer.prepare()}
          onPicture={() => quality.choose('auto')}
        />
      )}
      {said && <p class="said">{said}</p>}
      <span class="visually-hidden" role="status">
        {said}
      </span>
      <Hint viewer={viewer} quiet={!showing || wish === 'audio'} />
      {controls && showing && (
        <Controls {...{ playback, fullscreen, video, menu }} state={playbackState} onLeave={leave} />
      )}
      {panel === 'stats' && <Stats {...{ player, video }} onClose={() => setPanel(undefined)} />}
      {panel === 'help' && (
        <Help
          on={keys}
          onSwitch={(on) => {
            setKeys(on);
            local.set('keys', on ? undefined : 'off');
          }}
          onClose={() => setPanel(undefined)}
        />
      )}
    </div>
  );
}

/** For a player that does not begin by itself. */
export function StartButton({ onStart, onPrepare }: { onStart(): void; onPrepare(): void }) {
  return (
    <button
      id="start"
      type="button"
      class="big-button"
      onClick={onStart}
      onPointerEnter={onPrepare}
      onFocus={onPrepare}
    >
      <PlayIcon />
      {t('start')}
    </button>
  );
}
