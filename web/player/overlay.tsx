import { MutedIcon, PlayIcon } from '../base/icons.tsx';
import type { ViewerState } from '../lib/viewer-facts.ts';
import type { Message } from './describe.ts';
import { HeadphonesIcon } from './icons.tsx';
import type { PlaybackState } from './playback.ts';
import { t } from './text.ts';
import { Waiting } from './waiting.tsx';

type Props = {
  state: ViewerState;
  message: Message | undefined;
  banner: string | undefined;
  /** There is a picture. */
  showing: boolean;
  /** Sound alone is wished for. */
  audioOnly: boolean;
  playback: PlaybackState;
  onPlay(): void;
  onUnmute(): void;
  onAgain(): void;
  /** The user is about to ask for it again. */
  onPrepare(): void;
  onPicture(): void;
};

/** All that is said over, or in place of, the picture. */
export function Overlay(props: Props) {
  const { state, message, banner, showing, audioOnly, playback, onPlay, onUnmute, onPicture } = props;
  if (message) return <MessageCard {...props} message={message} />;
  return (
    <>
      {showing && audioOnly && <SoundOnly onPicture={onPicture} />}
      {!showing && !(playback.paused && state.name === 'live') && !banner && (
        <Waiting stage={state.name === 'live' ? 'picture' : 'connecting'} />
      )}
      {!showing && banner && <div class="spinner" />}
      {banner && (
        <p class="banner" role="status">
          {banner}
        </p>
      )}
      {playback.paused && state.name === 'live' && (
        <button id="play" type="button" class="big-button" onClick={onPlay}>
          <PlayIcon />
          {t('control.play')}
        </button>
      )}
      {playback.silenced && !playback.paused && (
        <button id="unmute" type="button" class="big-button" onClick={onUnmute}>
          <MutedIcon />
          {t('big.unmute')}
        </button>
      )}
    </>
  );
}

function MessageCard({ state, message, onAgain, onPrepare }: Props & { message: Message }) {
  return (
    <div class="message">
      {state.name === 'waiting' && <div class="spinner small" />}
      <p class="message-title">{message.title}</p>
      {message.text && <p class="message-text">{message.text}</p>}
      {message.again && (
        <button
          id="again"
          type="button"
          class="button primary"
          onClick={onAgain}
          onPointerEnter={onPrepare}
          onFocus={onPrepare}
        >
          {message.again}
        </button>
      )}
    </div>
  );
}

function SoundOnly({ onPicture }: { onPicture(): void }) {
  return (
    <div class="sound-only">
      <HeadphonesIcon />
      <p class="message-title">{t('audioOnly')}</p>
      <p class="message-text">{t('audioOnly.do')}</p>
      <button id="picture" type="button" class="button" onClick={onPicture}>
        {t('audioOnly.undo')}
      </button>
    </div>
  );
}
