import { useEffect } from 'preact/hooks';
import type { PlaybackState } from './playback.ts';
import type { Player } from './player.ts';

/** What the system shows on its lock screen and by its media keys (W3C Media Session), while there is a picture. */
export function useMediaSession(
  player: Player,
  { showing, playback, title }: { showing: boolean; playback: PlaybackState; title: string },
): void {
  useEffect(() => {
    const session = navigator.mediaSession;
    if (!showing || !session) return;
    session.metadata = new MediaMetadata({ title, artist: new URL(player.server).host });
    session.setActionHandler('play', () => player.play());
    session.setActionHandler('pause', () => player.playback.pause());
    return () => {
      session.metadata = null;
      session.playbackState = 'none';
      for (const action of ['play', 'pause'] as const) session.setActionHandler(action, null);
    };
  }, [player, showing, title]);
  useEffect(() => {
    if (showing && navigator.mediaSession) {
      navigator.mediaSession.playbackState = playback.paused ? 'paused' : 'playing';
    }
  }, [showing, playback.paused]);
}
