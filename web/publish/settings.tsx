import type { ComponentChildren } from 'preact';
import { identifierRule, isIdentifier } from '../base/identifier.ts';
import { type Choice, type LocalMediaState, NONE } from './local-media.ts';
import type { Device } from './media-problem.ts';
import {
  bitrateLabel,
  CODECS,
  type Codec,
  codecOf,
  RESOLUTIONS,
  type Resolution,
  resolutionOf,
} from './quality.ts';
import { Select } from './select.tsx';
import { t } from './text.ts';

export type SettingsValues = {
  camera: Choice;
  microphone: Choice;
  resolution: Resolution;
  codec: Codec;
  /** Sound as it is, in stereo. */
  music: boolean;
  /** The picture in several sizes at once. */
  simulcast: boolean;
  /** What the stream is called, for people; may be empty. */
  title: string;
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
  /** Those that browser and server have. */
  codecs: readonly Codec[];
  onChange(change: Partial<SettingsValues>): void;
};

export function Settings({ values, localMedia, active, streamFixed, keyAsked, codecs, onChange }: Props) {
  const reason = active ? 'locked' : undefined;
  return (
    <form class="card" aria-labelledby="settings-title" onSubmit={(event) => event.preventDefault()}>
      <h2 id="settings-title">{t('settings.title')}</h2>
      <TitleField value={values.title} onChange={(title) => onChange({ title })} />
      <Select
        id="camera"
        label={t('settings.camera')}
        value={chosen('camera', values.camera, localMedia)}
        options={deviceOptions('camera', localMedia)}
        onChange={(camera) => onChange({ camera })}
      />
      <Select
        id="microphone"
        label={t('settings.microphone')}
        value={chosen('microphone', values.microphone, localMedia)}
        options={deviceOptions('microphone', localMedia)}
        onChange={(microphone) => onChange({ microphone })}
      />
      {active && (
        <p id="locked" class="hint">
          {t('settings.locked')}
        </p>
      )}
      <div class="field-pair">
        <Select
          id="resolution"
          label={t('settings.resolution')}
          value={values.resolution.value}
          options={RESOLUTIONS}
          disabled={active}
          describedBy={reason}
          onChange={(value) => onChange({ resolution: resolutionOf(value) })}
        />
        <Select
          id="codec"
          label={t('settings.codec')}
          value={values.codec}
          options={CODECS.filter(({ value }) => codecs.includes(value))}
          disabled={active}
          describedBy={reason}
          onChange={(value) => onChange({ codec: codecOf(value) })}
        />
      </div>
      <Switch
        id="music"
        label={t('settings.music')}
        on={values.music}
        disabled={active}
        describedBy={reason}
        onChange={(music) => onChange({ music })}
      >
        {t('settings.music.hint')}
      </Switch>
      <Switch
        id="simulcast"
        label={t('settings.simulcast')}
        on={values.simulcast}
        disabled={active}
        describedBy={reason}
        onChange={(simulcast) => onChange({ simulcast })}
      >
        {values.codec === 'AV1'
          ? t('settings.simulcast.av1')
          : t('settings.simulcast.hint', { total: bitrateLabel(values.resolution) })}
      </Switch>
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

type SwitchProps = {
  id: string;
  label: string;
  on: boolean;
  disabled: boolean;
  describedBy: string | undefined;
  onChange(on: boolean): void;
  children: ComponentChildren;
};

function Switch({ id, label, on, disabled, describedBy, onChange, children }: SwitchProps) {
  const hint = `${id}-hint`;
  return (
    <div class="switch">
      <input
        id={id}
        type="checkbox"
        checked={on}
        disabled={disabled}
        aria-describedby={describedBy ?? hint}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      {disabled || (
        <p id={hint} class="hint">
          {children}
        </p>
      )}
    </div>
  );
}

type FieldProps = { value: string; onChange(value: string): void };

/** As long as the protocol takes. */
const TITLE_LENGTH = 100;

function TitleField({ value, onChange }: FieldProps) {
  return (
    <div class="field">
      <label for="title">{t('settings.name')}</label>
      <input
        id="title"
        class="input"
        value={value}
        maxLength={TITLE_LENGTH}
        placeholder={t('settings.name.placeholder')}
        onInput={(event) => onChange(event.currentTarget.value)}
        autoComplete="off"
      />
    </div>
  );
}

function StreamField({ value, fixed, onChange }: FieldProps & { fixed: boolean }) {
  const wrong = !isStreamChoice(value);
  const hint = wrong ? identifierRule() : fixed && t('settings.stream.fixed');
  return (
    <div class="field">
      <label for="stream">{t('settings.stream')}</label>
      <input
        id="stream"
        class="input"
        value={value}
        readOnly={fixed}
        placeholder={t('settings.stream.placeholder')}
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
      <label for="key">{t('settings.key')}</label>
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
        {t('settings.key.hint')}
      </p>
    </div>
  );
}

/** Empty is fine: the server makes one. */
export function isStreamChoice(stream: string): boolean {
  return stream === '' || isIdentifier(stream);
}

/** Which device it is, where the choice was left to the browser. */
function chosen(device: Device, choice: Choice, { tracks, devices }: LocalMediaState): Choice {
  const open = tracks[device]?.getSettings().deviceId;
  const known = devices[device].some(({ deviceId }) => deviceId === choice);
  // Another one took the place of what was unplugged.
  return choice === NONE || (known && !open) ? choice : (open ?? '');
}

const NAMES = {
  camera: {
    numbered: 'settings.camera',
    any: 'settings.defaultCamera',
    none: 'settings.noCamera',
  },
  microphone: {
    numbered: 'settings.microphone',
    any: 'settings.defaultMicrophone',
    none: 'settings.noMicrophone',
  },
} as const;

function deviceOptions(device: Device, { devices, tracks }: LocalMediaState) {
  const names = NAMES[device];
  const found = devices[device].map(({ deviceId, label }, index) => ({
    value: deviceId,
    label: label || t('settings.numbered', { device: t(names.numbered), number: index + 1 }),
  }));
  // Until access is granted the browser tells of no device.
  const unknown = tracks[device] ? [] : [{ value: '', label: t(names.any) }];
  return [...unknown, ...found, { value: NONE, label: t(names.none) }];
}
