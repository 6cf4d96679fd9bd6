import type { ComponentChildren, RefObject } from 'preact';
import {
  ExitFullscreenIcon,
  FullscreenIcon,
  LeaveIcon,
  MutedIcon,
  PauseIcon,
  PipIcon,
  PlayIcon,
  SoundIcon,
} from '../base/icons.tsx';
import type { Fullscreen } from './fullscreen.ts';
import { canFloat, toggleFloating } from './picture-in-picture.ts';
import type { Playback, PlaybackState } from './playback.ts';
import { t } from './text.ts';

type Props = {
  playback: Playback;
  state: PlaybackState;
  fullscreen: Fullscreen;
  video: RefObject<HTMLVideoElement | null>;
  /** The menu, with its button. */
  menu: ComponentChildren;
  onLeave(): void;
};

export function Controls({ playback, state, fullscreen, video, menu, onLeave }: Props) {
  const silent = state.muted || state.volume === 0;
  return (
    <div class="controls" role="toolbar" aria-label={t('control.bar')}>
      <Control
        id="pause"
        label={t(state.paused ? 'control.play' : 'control.pause')}
        onClick={() => playback.togglePaused()}
      >
        {state.paused ? <PlayIcon /> : <PauseIcon />}
      </Control>
      <Control
        id="mute"
        label={t(silent ? 'control.unmute' : 'control.mute')}
        onClick={() => playback.setMuted(!silent)}
      >
        {silent ? <MutedIcon /> : <SoundIcon />}
      </Control>
      <input
        id="volume"
        class="volume"
        type="range"
        min="0"
        max="1"
        step="0.05"
        value={silent ? 0 : state.volume}
        aria-label={t('control.volume')}
        onInput={(event) => playback.setVolume(event.currentTarget.valueAsNumber)}
      />
      <span class="controls-gap" />
      {menu}
      {canFloat() && (
        <Control id="pip" label={t('control.pip')} onClick={() => void toggleFloating(video.current)}>
          <PipIcon />
        </Control>
      )}
      {fullscreen.possible && (
        <Control
          id="fullscreen"
          label={t(fullscreen.on ? 'control.fullscreen.leave' : 'control.fullscreen')}
          onClick={fullscreen.toggle}
        >
          {fullscreen.on ? <ExitFullscreenIcon /> : <FullscreenIcon />}
        </Control>
      )}
      <Control id="leave" label={t('control.leave')} onClick={onLeave}>
        <LeaveIcon />
      </Control>
    </div>
  );
}

type ControlProps = { id: string; label: string; onClick(): void; children: ComponentChildren };

function Control({ id, label, onClick, children }: ControlProps) {
  return (
    <button id={id} type="button" class="control" aria-label={label} title={label} onClick={onClick}>
      {children}
    </button>
  );
}
