import { useEffect, useRef, useState } from 'preact/hooks';
import type { RecordingList } from '../../server/protocol/recordings.ts';
import { ADMIN_KEY, ApiError } from '../base/admin-api.ts';
import { formatBytes } from '../base/format.ts';
import { rememberKey, takeKey } from '../base/key.ts';
import { KeyForm } from '../base/key-form.tsx';
import { Marked } from '../base/marked.tsx';
import { Notice } from '../base/notice.tsx';
import { t as base } from '../base/text.ts';
import { RecordingsApi } from './api.ts';
import { RecordingCard } from './recording-card.tsx';
import { t } from './text.ts';

const api = new RecordingsApi(takeKey(ADMIN_KEY) ?? '');
/** While something changes by itself, and otherwise. */
const POLL_MS = { busy: 2000, calm: 15_000 };

type Loaded = { list?: RecordingList; error?: ApiError };

export function RecordingsPage() {
  const [{ list, error }, setLoaded] = useState<Loaded>({});
  const [refused, setRefused] = useState<string | undefined>();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const load = async () => {
    clearTimeout(timer.current);
    let wait = POLL_MS.calm;
    try {
      const loaded = await api.list();
      setLoaded({ list: loaded });
      if (loaded.recordings.some(({ state }) => state !== 'done')) wait = POLL_MS.busy;
    } catch (failure) {
      const told = failure instanceof ApiError ? failure : new ApiError(0, String(failure));
      setLoaded((before) => ({ ...before, error: told }));
      // Asking again would change nothing.
      if (told.status === 401) return;
    }
    timer.current = setTimeout(() => void load(), wait);
  };
  useEffect(() => {
    void load();
    return () => clearTimeout(timer.current);
  }, []);

  const enter = (key: string) => {
    api.key = key;
    rememberKey(ADMIN_KEY, key);
    setLoaded({});
    void load();
  };
  const remove = async (id: string) => {
    setRefused(undefined);
    try {
      await api.delete(id);
    } catch (failure) {
      setRefused(failure instanceof Error ? failure.message : String(failure));
    }
    await load();
  };

  if (error?.status === 401) {
    return (
      <main class="recordings">
        <KeyForm
          title={t('title')}
          action={t('key.go')}
          refused={api.key === '' ? undefined : base('key.wrong.do')}
          onKey={enter}
        >
          <Marked text={t('key.why')} />
        </KeyForm>
      </main>
    );
  }
  return (
    <main class="recordings">
      <div class="recordings-head">
        <h1>{t('title')}</h1>
        {list?.disk && (
          <p class="muted small">
            {t('disk', { free: formatBytes(list.disk.free), total: formatBytes(list.disk.total) })}
          </p>
        )}
      </div>
      {error && <Notice title={t('failed')}>{error.message}</Notice>}
      {refused && <Notice title={t('delete.failed')}>{refused}</Notice>}
      {!list && !error && <p class="muted">{t('loading')}</p>}
      {list?.recordings.length === 0 && <Empty />}
      <ul class="recording-list">
        {list?.recordings.map((recording) => (
          <RecordingCard key={recording.id} recording={recording} onDelete={() => remove(recording.id)} />
        ))}
      </ul>
      {list?.more && <p class="muted">{t('more')}</p>}
    </main>
  );
}

function Empty() {
  return (
    <div class="card empty">
      <h2>{t('empty')}</h2>
      <p class="muted">
        <Marked text={t('empty.how')} />
      </p>
      <a class="button primary" href="/publish">
        {t('empty.go')}
      </a>
    </div>
  );
}
