import { identifierRule, isIdentifier } from '../base/identifier.ts';
import { type Choice, type LocalMediaState, NONE } from './local-media.ts';
import type { Device } from './media-problem.ts';
import { CODECS, type Codec, codecOf, RESOLUTIONS, type Resolution, resolutionOf } from './quality.ts';
import { Select } from './select.tsx';

export type SettingsValues = {
  camera: Choice;
  microphone: Choice;
  resolution: Resolution;
  codec: Codec;
  /** Empty: the server makes one. */
  stream: string;
  key: string;
};

type Props = {
  values: SettingsValues;
  localMedia: LocalMediaState;
  /** While connecting or live; what cannot be changed then is locked. */
  active: boolean;
  /** The publish link is for this stream only. */
  streamFixed: boolean;
  keyAsked: boolean;
  onChange(change: Partial<SettingsValues>): void;
};

export function Settings({ values, localMedia, active, streamFixed, keyAsked, onChange }: Props) {
  return (
    <form class="card" aria-labelledby="settings-title" onSubmit={(event) => event.preventDefault()}>
      <h2 id="settings-title">Settings</h2>
      <Select
        id="camera"
        label="Camera"
        value={chosen('camera', values.camera, localMedia)}
        options={deviceOptions('camera', localMedia)}
        onChange={(camera) => onChange({ camera })}
      />
      <Select
        id="microphone"
        label="Microphone"
        value={chosen('microphone', values.microphone, localMedia)}
        options={deviceOptions('microphone', localMedia)}
        onChange={(microphone) => onChange({ microphone })}
      />
      <div class="field-pair">
        <Select
          id="resolution"
          label="Resolution"
          value={values.resolution.value}
          options={RESOLUTIONS}
          disabled={active}
          onChange={(value) => onChange({ resolution: resolutionOf(value) })}
        />
        <Select
          id="codec"
          label="Codec"
          value={values.codec}
          options={CODECS}
          disabled={active}
          onChange={(value) => onChange({ codec: codecOf(value) })}
        />
      </div>
      {active || (
        <>
          <StreamField
            value={values.stream}
            fixed={streamFixed}
            onChange={(stream) => onChange({ stream })}
          />
          {keyAsked && <KeyField value={values.key} onChange={(key) => onChange({ key })} />}
        </>
      )}
    </form>
  );
}

type FieldProps = { value: string; onChange(value: string): void };

function StreamField({ value, fixed, onChange }: FieldProps & { fixed: boolean }) {
  const wrong = !isStreamChoice(value);
  const hint = wrong ? identifierRule() : fixed && 'Your publish link is for this stream.';
  return (
    <div class="field">
      <label for="stream">Stream identifier</label>
      <input
        id="stream"
        class="input"
        value={value}
        readOnly={fixed}
        placeholder="made for you if left empty"
        onInput={(event) => onChange(event.currentTarget.value.trim())}
        autoComplete="off"
        autoCapitalize="off"
        spellcheck={false}
        aria-invalid={wrong}
        aria-describedby={hint ? 'stream-hint' : undefined}
      />
      {hint && (
        <p id="stream-hint" class={wrong ? 'hint error' : 'hint'} role={wrong ? 'alert' : undefined}>
          {hint}
        </p>
      )}
    </div>
  );
}

function KeyField({ value, onChange }: FieldProps) {
  return (
    <div class="field">
      <label for="key">Publish key</label>
      <input
        id="key"
        class="input"
        type="password"
        value={value}
        onInput={(event) => onChange(event.currentTarget.value.trim())}
        autoComplete="off"
        aria-describedby="key-hint"
      />
      <p id="key-hint" class="hint">
        Part of your publish link, or of the one that the server printed.
      </p>
    </div>
  );
}

/** Empty is fine: the server makes one. */
export function isStreamChoice(stream: string): boolean {
  return stream === '' || isIdentifier(stream);
}

/** Which device it is, where the choice was left to the browser. */
function chosen(device: Device, choice: Choice, { tracks }: LocalMediaState): Choice {
  return choice || (tracks[device]?.getSettings().deviceId ?? '');
}

function deviceOptions(device: Device, { devices, tracks }: LocalMediaState) {
  const found = devices[device].map(({ deviceId, label }, index) => ({
    value: deviceId,
    label: label || `${device === 'camera' ? 'Camera' : 'Microphone'} ${index + 1}`,
  }));
  // Until access is granted the browser tells of no device.
  const unknown = tracks[device] ? [] : [{ value: '', label: `Default ${device}` }];
  return [...unknown, ...found, { value: NONE, label: `No ${device}` }];
}
