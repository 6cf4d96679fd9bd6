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
    const [element, bare] = [stage.current, video.current];
    if (!element || !bare) return;
    const follow = () => setOn(fills(element));
    // Safari on iPhone tells of the bare video by these.
    const enter = () => setOn(true);
    const leave = () => setOn(false);
    document.addEventListener('fullscreenchange', follow);
    bare.addEventListener('webkitbeginfullscreen', enter);
    bare.addEventListener('webkitendfullscreen', leave);
    return () => {
      document.removeEventListener('fullscreenchange', follow);
      bare.removeEventListener('webkitbeginfullscreen', enter);
      bare.removeEventListener('webkitendfullscreen', leave);
    };
  }, [stage, video]);
  const leave = () => {
    if (stage.current && fills(stage.current)) void document.exitFullscreen().catch(() => {});
  };
  const toggle = () => {
    if (!stage.current || !video.current) return;
    if (fills(stage.current)) leave();
    else if (document.fullscreenEnabled) void enter(stage.current, video.current).catch(() => {});
    else video.current.webkitEnterFullscreen?.();
  };
  const possible = document.fullscreenEnabled || 'webkitEnterFullscreen' in HTMLVideoElement.prototype;
  return { possible, on, toggle, leave };
}

/** A phone held upright turns a wide picture to the side; the browser undoes that when full screen ends. */
async function enter(stage: HTMLElement, { videoWidth, videoHeight }: HTMLVideoElement): Promise<void> {
  await stage.requestFullscreen();
  if (videoWidth === 0) return;
  // Not on desktops, not on iPhones: then it stays as it is held.
  await screen.orientation?.lock?.(videoWidth >= videoHeight ? 'landscape' : 'portrait').catch(() => {});
}

/** Inside a shadow tree only its root knows the element; the document knows the host. */
function fills(stage: HTMLElement): boolean {
  const root = stage.getRootNode();
  return (root instanceof ShadowRoot ? root : document).fullscreenElement === stage;
}
