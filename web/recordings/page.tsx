import { useEffect, useRef, useState } from 'preact/hooks';
import type { RecordingList } from '../../server/protocol/recordings.ts';
import { formatBytes } from '../base/format.ts';
import { rememberKey, takeKey } from '../base/key.ts';
import { Notice } from '../base/notice.tsx';
import { ApiError, RecordingsApi } from './api.ts';
import { KeyForm } from './key-form.tsx';
import { RecordingCard } from './recording-card.tsx';

const KEY = 'admin-key';
const api = new RecordingsApi(takeKey(KEY) ?? '');
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
    rememberKey(KEY, key);
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

  if (error?.status === 401) return <KeyForm wrong={api.key !== ''} onKey={enter} />;
  return (
    <main class="recordings">
      <div class="recordings-head">
        <h1>Recordings</h1>
        {list?.disk && (
          <p class="muted small">
            {formatBytes(list.disk.free)} free of {formatBytes(list.disk.total)}
          </p>
        )}
      </div>
      {error && <Notice title="The list could not be loaded">{error.message}</Notice>}
      {refused && <Notice title="It could not be deleted">{refused}</Notice>}
      {!list && !error && <p class="muted">Loading…</p>}
      {list?.recordings.length === 0 && <Empty />}
      <ul class="recording-list">
        {list?.recordings.map((recording) => (
          <RecordingCard key={recording.id} recording={recording} onDelete={() => remove(recording.id)} />
        ))}
      </ul>
      {list?.more && <p class="muted">Only the newest are shown; the others are in the folder.</p>}
    </main>
  );
}

function Empty() {
  return (
    <div class="card empty">
      <h2>Nothing is recorded yet</h2>
      <p class="muted">
        Press Record on the publish page while a stream is live, or have streams recorded always by
        <code> recordings.rules</code> in the configuration.
      </p>
      <a class="button primary" href="/publish">
        Publish a stream
      </a>
    </div>
  );
}
