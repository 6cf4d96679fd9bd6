import { useState } from 'preact/hooks';
import type { CameraRow } from '../../server/protocol/live.ts';
import type { Tone } from '../base/status.tsx';
import type { Actions } from './actions.ts';
import { ConfirmButton } from './confirm.tsx';
import { formatSpan } from './format.ts';
import { tellOutcome } from './outcome.tsx';
import { type Column, SortedTable } from './sorted-table.tsx';
import { t } from './text.ts';

type Props = { cameras: readonly CameraRow[]; now: number; actions: Actions };

const TONES: Record<CameraRow['state'], Tone> = {
  idle: 'idle',
  connecting: 'busy',
  live: 'good',
  retrying: 'bad',
  failed: 'bad',
};

export function Cameras({ cameras, now, actions }: Props) {
  return (
    <>
      <section class="panel" aria-labelledby="cameras-title">
        <h2 id="cameras-title">{t('cameras')}</h2>
        {cameras.length === 0 ? (
          <p class="muted">{t('cameras.none')}</p>
        ) : (
          <SortedTable
            class="cameras"
            caption={t('cameras')}
            columns={columnsFor(now, actions)}
            rows={cameras}
            keyOf={({ stream }) => stream}
            stateOf={({ state }) => state}
            first="stream"
          />
        )}
      </section>
      <AddCamera actions={actions} />
    </>
  );
}

function columnsFor(now: number, actions: Actions): Column<CameraRow>[] {
  return [
    {
      id: 'stream',
      label: t('column.stream'),
      by: ({ stream }) => stream,
      cell: ({ stream, url }) => (
        <>
          <a href={`#stream/${stream}`}>{stream}</a>
          <span class="sub">{url}</span>
        </>
      ),
    },
    {
      id: 'state',
      label: t('column.state'),
      by: ({ state }) => state,
      cell: ({ state, since, error }) => (
        <>
          <span class="tone" data-tone={TONES[state]}>
            {t(`camera.${state}`)}
          </span>
          <span class="sub">{formatSpan(now - Date.parse(since))}</span>
          {error && <span class="sub warning">{error}</span>}
        </>
      ),
    },
    {
      id: 'viewers',
      label: t('column.viewers'),
      numeric: true,
      by: ({ viewers }) => viewers,
      cell: ({ viewers }) => viewers,
    },
    {
      id: 'actions',
      label: t('column.actions'),
      cell: ({ stream, source }) =>
        source === 'config' ? (
          <span class="muted small">{t('cameras.config')}</span>
        ) : (
          <ConfirmButton
            label={t('action.remove')}
            name={t('action.remove.of', { stream })}
            title={t('confirm.remove', { stream })}
            text={t('confirm.remove.text')}
            run={() => actions.removeCamera(stream)}
          />
        ),
    },
  ];
}

function AddCamera({ actions }: { actions: Actions }) {
  const [busy, setBusy] = useState(false);
  const add = async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const of = (name: string) => String(data.get(name) ?? '').trim();
    setBusy(true);
    const done = await tellOutcome(() =>
      actions.addCamera({
        stream: of('stream'),
        url: of('url'),
        onDemand: data.has('onDemand'),
        transport: of('transport') === 'udp' ? 'udp' : 'tcp',
        transcode: of('transcode') === 'auto' ? 'auto' : 'never',
      }),
    );
    setBusy(false);
    if (done) form.reset();
  };
  return (
    <form
      class="panel form"
      id="add-camera"
      onSubmit={(event) => {
        event.preventDefault();
        void add(event.currentTarget);
      }}
    >
      <h2>{t('cameras.add')}</h2>
      <div class="fields">
        <div class="field">
          <label for="camera-stream">{t('column.stream')}</label>
          <input
            id="camera-stream"
            name="stream"
            class="input"
            required
            maxLength={64}
            pattern="[A-Za-z0-9_\-]+"
            title={t('field.stream.rule')}
            autocomplete="off"
          />
        </div>
        <div class="field wide">
          <label for="camera-url">{t('cameras.url')}</label>
          <input
            id="camera-url"
            name="url"
            class="input"
            required
            placeholder="rtsp://user:password@192.168.1.20/stream"
            autocomplete="off"
            spellcheck={false}
          />
        </div>
        <div class="field">
          <label for="camera-transport">{t('cameras.transport')}</label>
          <select id="camera-transport" name="transport" class="input">
            <option value="tcp">TCP</option>
            <option value="udp">UDP</option>
          </select>
        </div>
        <div class="field">
          <label for="camera-transcode">{t('cameras.transcode')}</label>
          <select id="camera-transcode" name="transcode" class="input">
            <option value="never">{t('cameras.transcode.never')}</option>
            <option value="auto">{t('cameras.transcode.auto')}</option>
          </select>
        </div>
        <label class="check">
          <input type="checkbox" name="onDemand" defaultChecked />
          {t('cameras.onDemand')}
        </label>
      </div>
      <button type="submit" class="button primary" disabled={busy}>
        {busy ? t('cameras.adding') : t('cameras.add')}
      </button>
    </form>
  );
}
