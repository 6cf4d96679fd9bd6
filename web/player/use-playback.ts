import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { ViewerState } from '../lib/viewer-facts.ts';
import type { PlaybackState } from './playback.ts';
import type { Player } from './player.ts';

type Result = {
  playbackState: PlaybackState;
  /** There is a picture: from the first frame of each join on. */
  showing: boolean;
};

/** States in which there is a picture, perhaps the last one. */
const WITH_PICTURE: ReadonlySet<ViewerState['name']> = new Set(['live', 'away', 'reconnecting']);

/** Connects the player and the video element. */
export function usePlayback(
  player: Player,
  video: RefObject<HTMLVideoElement | null>,
  state: ViewerState,
): Result {
  const { viewer, playback } = player;
  const [playbackState, setPlaybackState] = useState(playback.state);
  const [showing, setShowing] = useState(false);
  useLayoutEffect(() => {
    if (!video.current) return;
    const offs = [
      playback.on('state', setPlaybackState),
      viewer.on('tracks', (stream) => playback.show(stream)),
      playback.attach(video.current),
    ];
    if (viewer.mediaStream.active) playback.show(viewer.mediaStream);
    return () => {
      for (const off of offs) off();
    };
  }, [viewer, playback, video]);

  useEffect(() => {
    if (!WITH_PICTURE.has(state.name)) setShowing(false);
  }, [state.name]);

  useLayoutEffect(() => {
    if (!video.current || showing || state.name === 'idle') return;
    return onFirstFrame(video.current, () => {
      player.firstFrame();
      setShowing(true);
    });
  }, [player, video, showing, state.name]);
  return { playbackState, showing };
}

function onFirstFrame(video: HTMLVideoElement, callback: () => void): () => void {
  // Sound alone has no frames, and older browsers do not tell of them.
  const onPlaying = () => {
    if (video.videoWidth === 0 || !('requestVideoFrameCallback' in video)) callback();
  };
  video.addEventListener('playing', onPlaying);
  const handle = video.requestVideoFrameCallback?.(callback);
  return () => {
    video.removeEventListener('playing', onPlaying);
    if (handle !== undefined) video.cancelVideoFrameCallback(handle);
  };
}
