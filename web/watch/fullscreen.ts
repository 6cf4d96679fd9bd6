import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export type Fullscreen = {
  possible: boolean;
  on: boolean;
  toggle(): void;
  leave(): void;
};

/** The whole stage with our controls where that is possible; on iPhones the bare video. */
export function useFullscreen(
  stage: RefObject<HTMLDivElement | null>,
  video: RefObject<HTMLVideoElement | null>,
): Fullscreen {
  const [on, setOn] = useState(false);
  useEffect(() => {
    const follow = () => setOn(document.fullscreenElement !== null);
    document.addEventListener('fullscreenchange', follow);
    return () => document.removeEventListener('fullscreenchange', follow);
  }, []);
  const leave = () => {
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => {});
  };
  const toggle = () => {
    if (document.fullscreenElement) leave();
    else if (document.fullscreenEnabled) void stage.current?.requestFullscreen().catch(() => {});
    else video.current?.webkitEnterFullscreen?.();
  };
  const possible = document.fullscreenEnabled || 'webkitEnterFullscreen' in HTMLVideoElement.prototype;
  return { possible, on, toggle, leave };
}
