import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { Viewer, ViewerState } from '../lib/viewer.ts';
import { firstFrame } from './join.ts';
import { Playback, type PlaybackState } from './playback.ts';

type Result = { playback: Playback | undefined; playbackState: PlaybackState; showing: boolean };

const BEFORE: PlaybackState = { muted: false, volume: 1, paused: true, silenced: false };

/** States in which there is a picture, perhaps the last one. */
const WITH_PICTURE: ReadonlySet<ViewerState['name']> = new Set(['live', 'away', 'reconnecting']);

/** Connects viewer and video element; `showing` from the first frame of each join on. */
export function usePlayback(
  viewer: Viewer,
  video: RefObject<HTMLVideoElement | null>,
  state: ViewerState,
): Result {
  const [playback, setPlayback] = useState<Playback | undefined>();
  const [playbackState, setPlaybackState] = useState(BEFORE);
  const [showing, setShowing] = useState(false);
  useLayoutEffect(() => {
    if (!video.current) return;
    const created = new Playback(video.current);
    const offs = [
      created.on('state', setPlaybackState),
      viewer.on('tracks', (stream) => created.show(stream)),
    ];
    setPlayback(created);
    setPlaybackState(created.state);
    if (viewer.mediaStream.active) created.show(viewer.mediaStream);
    return () => {
      for (const off of offs) off();
      created.close();
    };
  }, [viewer, video]);

  useEffect(() => {
    if (!WITH_PICTURE.has(state.name)) setShowing(false);
  }, [state.name]);

  useLayoutEffect(() => {
    if (!video.current || showing || state.name === 'idle') return;
    return onFirstFrame(video.current, () => {
      firstFrame(viewer);
      setShowing(true);
    });
  }, [viewer, video, showing, state.name]);
  return { playback, playbackState, showing };
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
