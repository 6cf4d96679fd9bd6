import { useEffect, useRef } from 'preact/hooks';
import { CameraOffIcon, MicOffIcon, ScreenIcon } from './icons.tsx';
import type { StudioState } from './studio.ts';
import { t } from './text.ts';

type Props = { studio: StudioState; opening: boolean; microphone: boolean };

/** What viewers will see; never mirrored, or text in the picture would look wrong here only. */
export function Preview({ studio, opening, microphone }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const { outputs, muted, cameraOff, picture } = studio;
  const track = outputs.video;
  useEffect(() => {
    if (!video.current) return;
    video.current.srcObject = track ? new MediaStream([track]) : null;
  }, [track]);
  const empty = opening ? 'preview.opening' : cameraOff ? 'preview.cameraOff' : 'preview.empty';
  return (
    <div class="preview">
      <video
        id="preview"
        ref={video}
        hidden={!track}
        autoPlay
        playsInline
        muted
        aria-label={t('preview.label')}
      />
      {!track && <p class="preview-empty">{t(empty)}</p>}
      <ul class="signs" aria-live="polite">
        {muted && microphone && (
          <li id="sign-muted" class="sign bad">
            <MicOffIcon />
            {t('sign.muted')}
          </li>
        )}
        {cameraOff && (
          <li id="sign-camera-off" class="sign">
            <CameraOffIcon />
            {t('sign.cameraOff')}
          </li>
        )}
        {picture === 'screen' && (
          <li id="sign-screen" class="sign">
            <ScreenIcon />
            {t('sign.screen')}
          </li>
        )}
      </ul>
    </div>
  );
}
