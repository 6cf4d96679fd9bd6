import { useEffect, useRef, useState } from 'preact/hooks';
import type { RecordingStatus } from '../../server/protocol/recordings.ts';
import { recordingStatus } from '../../server/protocol/recordings.ts';
import { formatBytes, formatDuration } from '../base/format.ts';
import { Notice } from '../base/notice.tsx';
import { problemOf } from '../base/problem.ts';
import { t } from './text.ts';

type Props = { stream: string; publishKey: string };

const POLL_MS = 2000;

/** Records the stream on the server, where that is allowed. */
export function RecordControl({ stream, publishKey }: Props) {
  const [status, setStatus] = useState<RecordingStatus | undefined>();
  const [refusal, setRefusal] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const stopped = useRef(false);

  const ask = async (method: 'GET' | 'POST' | 'DELETE') => {
    const response = await fetch(`/api/streams/${stream}/recording`, {
      method,
      headers: publishKey ? { Authorization: `Bearer ${publishKey}` } : {},
    });
    if (!response.ok) throw new Error(await problemOf(response));
    if (!stopped.current) setStatus(recordingStatus.parse(await response.json()));
  };
  useEffect(() => {
    stopped.current = false;
    // What cannot be asked is not offered: an older server, or one that is away for a moment.
    const look = () => ask('GET').catch(() => undefined);
    void look();
    const timer = setInterval(look, POLL_MS);
    return () => {
      stopped.current = true;
      clearInterval(timer);
    };
  }, [stream, publishKey]);

  if (!status || status.mode === 'off') return null;
  const { recording } = status;
  const toggle = async () => {
    setBusy(true);
    setRefusal(undefined);
    await ask(recording ? 'DELETE' : 'POST').catch((error: Error) => setRefusal(error.message));
    setBusy(false);
  };
  return (
    <>
      <div class="record" data-recording={recording ? 'true' : 'false'}>
        <button id="record" type="button" class="button" disabled={busy} onClick={() => void toggle()}>
          <span class="record-dot" aria-hidden="true" />
          {t(recording ? 'record.stop' : 'record.start')}
        </button>
        {recording && (
          <span id="record-facts" class="fact" role="timer" aria-label={t('record.facts')}>
            {formatDuration(recording.seconds)} · {formatBytes(recording.bytes)}
          </span>
        )}
        <a class="small" href="/recordings">
          {t('record.all')}
        </a>
      </div>
      {refusal && <Notice title={t('record.refused')}>{refusal}</Notice>}
    </>
  );
}
