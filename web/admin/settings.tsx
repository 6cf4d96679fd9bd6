import { useEffect, useState } from 'preact/hooks';
import type { EffectiveSetting } from '../../server/protocol/live.ts';
import { Notice } from '../base/notice.tsx';
import type { Actions } from './actions.ts';
import { scrolled } from './scrolled.ts';
import { t } from './text.ts';

/** The configuration as it holds, and where each setting comes from. */
export function Settings({ actions }: { actions: Actions }) {
  const [settings, setSettings] = useState<readonly EffectiveSetting[] | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const [wanted, setWanted] = useState('');
  const [changedOnly, setChangedOnly] = useState(false);
  useEffect(() => {
    actions.config().then(setSettings, (error: Error) => setProblem(error.message));
  }, [actions]);
  const shown = settings?.filter(
    (setting) =>
      (!changedOnly || setting.changed) &&
      `${setting.key} ${setting.env} ${setting.description}`.toLowerCase().includes(wanted.toLowerCase()),
  );
  return (
    <section class="panel" aria-labelledby="settings-title">
      <div class="panel-head">
        <h2 id="settings-title">{t('settings')}</h2>
        <div class="row">
          <label class="check">
            <input
              type="checkbox"
              id="settings-changed"
              checked={changedOnly}
              onChange={({ currentTarget }) => setChangedOnly(currentTarget.checked)}
            />
            {t('settings.changed')}
          </label>
          <input
            type="search"
            id="settings-search"
            class="input search"
            aria-label={t('settings.search')}
            placeholder={t('settings.search')}
            value={wanted}
            onInput={({ currentTarget }) => setWanted(currentTarget.value)}
          />
        </div>
      </div>
      <p class="muted small">{t('settings.about')}</p>
      {problem && <Notice title={t('settings.failed')}>{problem}</Notice>}
      {!settings && !problem && <p class="muted">{t('loading')}</p>}
      {shown?.length === 0 && <p class="muted">{t('settings.none')}</p>}
      {shown && shown.length > 0 && (
        <div class="table-frame settings" {...scrolled(t('settings'))}>
          <table id="settings">
            <caption class="visually-hidden">{t('settings')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('settings.key')}</th>
                <th scope="col">{t('settings.value')}</th>
                <th scope="col">{t('settings.source')}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((setting) => (
                <tr key={setting.key} data-key={setting.key} data-changed={setting.changed}>
                  <td data-label={t('settings.key')}>
                    <code>{setting.key}</code>
                    <span class="sub">{setting.description}</span>
                  </td>
                  <td data-label={t('settings.value')}>
                    <Value setting={setting} />
                  </td>
                  <td data-label={t('settings.source')}>
                    <SourceOf setting={setting} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Value({ setting: { secret, set, entries, value, unit } }: { setting: EffectiveSetting }) {
  if (!set) return <span class="muted">{t('settings.empty')}</span>;
  if (secret) {
    const text = entries === null ? t('settings.secret') : t('settings.secret.entries', { count: entries });
    return <span class="muted">{text}</span>;
  }
  return (
    <code class="value">
      {typeof value === 'string' ? value : JSON.stringify(value)}
      {unit && ` ${unit}`}
    </code>
  );
}

function SourceOf({ setting: { source, changed } }: { setting: EffectiveSetting }) {
  return (
    <>
      {source.from === 'default' ? t('settings.default') : <code>{source.where}</code>}
      {!changed && source.from !== 'default' && <span class="sub">{t('settings.asDefault')}</span>}
    </>
  );
}
