import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import {
  CameraIcon,
  CameraOffIcon,
  CornerIcon,
  MicIcon,
  MicOffIcon,
  ScreenIcon,
  SlateIcon,
} from './icons.tsx';
import { canShareScreen } from './screen.ts';
import type { Studio, StudioState } from './studio.ts';
import { t } from './text.ts';

type Props = {
  studio: Studio;
  state: StudioState;
  /** Whether there are such devices to be switched. */
  microphone: boolean;
  camera: boolean;
};

/** What is in the picture and in the sound; all of it can be changed while live. */
export function Controls({ studio, state, microphone, camera }: Props) {
  const { picture, corner, muted, cameraOff, slate } = state;
  const sharing = picture === 'screen';
  return (
    <fieldset class="controls">
      <legend class="visually-hidden">{t('controls.label')}</legend>
      <Control
        id="mute"
        label={t('controls.mic')}
        does={t(muted ? 'controls.unmute' : 'controls.mute')}
        on={!muted}
        look={muted ? 'warns' : ''}
        disabled={!microphone}
        onClick={() => studio.setMuted(!muted)}
      >
        {muted ? <MicOffIcon /> : <MicIcon />}
      </Control>
      <Control
        id="camera-off"
        label={t('controls.camera')}
        does={t(cameraOff ? 'controls.cameraOn' : 'controls.cameraOff')}
        on={!cameraOff}
        look={cameraOff ? 'warns' : ''}
        disabled={!camera}
        onClick={() => studio.setCameraOff(!cameraOff)}
      >
        {cameraOff ? <CameraOffIcon /> : <CameraIcon />}
      </Control>
      {canShareScreen() && (
        <Control
          id="share-screen"
          look="added"
          label={t('controls.screen')}
          does={t(sharing ? 'controls.stopScreen' : 'controls.shareScreen')}
          on={sharing}
          onClick={() => (sharing ? studio.showCamera() : void studio.shareScreen())}
        >
          <ScreenIcon />
        </Control>
      )}
      <SlateControl studio={studio} name={slate} />
      {picture !== 'camera' && (
        <Control
          id="corner"
          look="added"
          label={t('controls.corner')}
          does={t(corner ? 'controls.cornerOff' : 'controls.cornerOn')}
          on={corner && !cameraOff}
          disabled={!camera || cameraOff}
          onClick={() => studio.setCorner(!corner)}
        >
          <CornerIcon />
        </Control>
      )}
    </fieldset>
  );
}

function SlateControl({ studio, name }: { studio: Studio; name: string | undefined }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        id="slate-file"
        ref={input}
        type="file"
        accept="image/*,video/*"
        aria-label={t('controls.showSlate')}
        hidden
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          if (file) void studio.showSlate(file);
          // The same file again is a choice too.
          currentTarget.value = '';
        }}
      />
      <Control
        id="slate"
        look="added"
        label={t('controls.slate')}
        does={name === undefined ? t('controls.showSlate') : t('controls.stopSlate', { name })}
        on={name !== undefined}
        onClick={() => (name === undefined ? input.current?.click() : studio.showCamera())}
      >
        <SlateIcon />
      </Control>
    </>
  );
}

type ControlProps = {
  id: string;
  label: string;
  /** What a click does. */
  does: string;
  on: boolean;
  /** `added`: lit while it is shown; `warns`: off, which is to be seen. */
  look?: 'added' | 'warns' | '';
  disabled?: boolean;
  onClick(): void;
  children: ComponentChildren;
};

function Control({ id, label, does, on, look = '', disabled = false, onClick, children }: ControlProps) {
  return (
    <button
      id={id}
      type="button"
      class={`control ${look}`}
      title={does}
      aria-pressed={on}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
      <span>{label}</span>
    </button>
  );
}
