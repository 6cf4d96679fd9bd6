import { useEffect, useRef } from 'preact/hooks';

/** What viewers will see; never mirrored, or text in the picture would look wrong here only. */
export function Preview({ track, opening }: { track: MediaStreamTrack | undefined; opening: boolean }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (!video.current) return;
    video.current.srcObject = track ? new MediaStream([track]) : null;
  }, [track]);
  return (
    <div class="preview">
      <video
        id="preview"
        ref={video}
        hidden={!track}
        autoPlay
        playsInline
        muted
        aria-label="Camera preview"
      />
      {!track && (
        <p class="preview-empty">
          {opening ? 'Opening the camera… The browser may ask you to allow it.' : 'No picture'}
        </p>
      )}
    </div>
  );
}
