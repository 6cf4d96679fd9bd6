import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Quality } from './quality.ts';

/** Tells `quality` how large the picture is, how large it is drawn, and whether anybody sees it. */
export function useQuality(
  quality: Quality,
  video: RefObject<HTMLVideoElement | null>,
  paused: boolean,
): void {
  useEffect(() => {
    const element = video.current;
    return element ? followSizes(quality, element) : undefined;
  }, [quality, video]);
  useEffect(() => {
    const element = video.current;
    return element ? followSight(quality, element, paused) : undefined;
  }, [quality, video, paused]);
}

function followSizes(quality: Quality, video: HTMLVideoElement): () => void {
  let floating: PictureInPictureWindow | undefined;
  const onPicture = () => quality.setPicture(video.videoWidth, video.videoHeight);
  const onRoom = () => {
    const { width, height } = floating ?? { width: video.clientWidth, height: video.clientHeight };
    quality.setRoom(width * devicePixelRatio, height * devicePixelRatio);
  };
  const onFloat = (event: PictureInPictureEvent) => {
    floating = event.pictureInPictureWindow;
    floating.onresize = onRoom;
    onRoom();
  };
  const onLand = () => {
    floating = undefined;
    onRoom();
  };
  const observer = new ResizeObserver(onRoom);
  observer.observe(video);
  video.addEventListener('resize', onPicture);
  video.addEventListener('enterpictureinpicture', onFloat);
  video.addEventListener('leavepictureinpicture', onLand);
  onPicture();
  return () => {
    observer.disconnect();
    video.removeEventListener('resize', onPicture);
    video.removeEventListener('enterpictureinpicture', onFloat);
    video.removeEventListener('leavepictureinpicture', onLand);
  };
}

/** A picture that stands still on purpose, or in a tab behind others and in no window of its own, is seen by nobody. */
function followSight(quality: Quality, video: HTMLVideoElement, paused: boolean): () => void {
  const look = () => {
    const floats = document.pictureInPictureElement != null && isIn(document.pictureInPictureElement, video);
    quality.setUnseen(paused || (document.hidden && !floats));
  };
  document.addEventListener('visibilitychange', look);
  video.addEventListener('enterpictureinpicture', look);
  video.addEventListener('leavepictureinpicture', look);
  look();
  return () => {
    document.removeEventListener('visibilitychange', look);
    video.removeEventListener('enterpictureinpicture', look);
    video.removeEventListener('leavepictureinpicture', look);
  };
}

/** The document names the host of a shadow tree for what is inside. */
function isIn(element: Element, video: HTMLVideoElement): boolean {
  const root = video.getRootNode();
  return element === video || (root instanceof ShadowRoot && root.host === element);
}
