import { sentence } from '../base/explain.ts';
import { MutedIcon, PlayIcon } from '../base/icons.tsx';
import type { ViewerEvents, ViewerState } from '../lib/viewer.ts';
import type { Message } from './describe.ts';
import type { PlaybackState } from './playback.ts';

type Props = {
  state: ViewerState;
  trouble: boolean;
  message: Message | undefined;
  /** There is a picture. */
  showing: boolean;
  unplayable: ViewerEvents['unplayable'];
  playback: PlaybackState;
  onPlay(): void;
  onUnmute(): void;
  onAgain(): void;
  /** The user is about to ask for it again. */
  onPrepare(): void;
};

/** All that is said over, or in place of, the picture. */
export function Overlay(props: Props) {
  const { state, trouble, message, showing, unplayable, playback, onPlay, onUnmute } = props;
  if (message) return <MessageCard {...props} message={message} />;
  const banner = bannerFor(state, trouble, unplayable);
  return (
    <>
      {!showing && !playback.paused && <div class="spinner" role="img" aria-label="Connecting" />}
      {banner && (
        <p class="banner" role="status">
          {banner}
        </p>
      )}
      {playback.paused && state.name === 'live' && (
        <button id="play" type="button" class="big-button" onClick={onPlay}>
          <PlayIcon />
          Play
        </button>
      )}
      {playback.silenced && !playback.paused && (
        <button id="unmute" type="button" class="big-button" onClick={onUnmute}>
          <MutedIcon />
          Unmute
        </button>
      )}
    </>
  );
}

function MessageCard({ message, onAgain, onPrepare }: Props & { message: Message }) {
  return (
    <div class="message">
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

function bannerFor(
  state: ViewerState,
  trouble: boolean,
  unplayable: ViewerEvents['unplayable'],
): string | undefined {
  if (state.name === 'away') {
    return state.notice ? sentence(state.notice.message) : 'The publisher is reconnecting…';
  }
  if (state.name === 'reconnecting') return 'The connection was lost. Trying again…';
  if (trouble) return 'Nothing is getting through at the moment. Checking the connection…';
  const kinds = unplayable.map(({ kind }) => kind);
  if (kinds.includes('video'))
    return 'This browser cannot play the picture of this stream. You hear its sound.';
  if (kinds.includes('audio')) return 'This browser cannot play the sound of this stream.';
  return undefined;
}
