import { useEffect, useState } from 'preact/hooks';
import type { Recording, RecordingList } from '../../server/protocol/recordings.ts';
import { formatBytes, formatDate, formatDuration } from '../base/format.ts';
import { Notice } from '../base/notice.tsx';
import type { Tone } from '../base/status.tsx';
import type { Actions } from './actions.ts';
import { NONE } from './format.ts';
import { type Column, SortedTable } from './sorted-table.tsx';
import { t } from './text.ts';

const SHOWN = 50;
const POLL_MS = 10_000;

/** @param running How many are recorded or finished just now: when that changes, the list has too. */
export function Recordings({ actions, running }: { actions: Actions; running: number }) {
  const [list, setList] = useState<RecordingList | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  // Another number is a reason to look again.
  useEffect(() => {
    let gone = false;
    const load = async () => {
      try {
        const loaded = await actions.recordings();
        if (gone) return;
        setList(loaded);
        setProblem(undefined);
      } catch (error) {
        if (!gone) setProblem(error instanceof Error ? error.message : String(error));
      }
    };
    void load();
    const timer = setInterval(() => void load(), POLL_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [actions, running]);
  return (
    <section class="panel" aria-labelledby="recordings-title">
      <div class="panel-head">
        <h2 id="recordings-title">{t('recordings')}</h2>
        <a class="button small-button" href="/recordings">
          {t('recordings.page')}
        </a>
      </div>
      {problem && <Notice title={t('recordings.failed')}>{problem}</Notice>}
      {list?.disk && (
        <p class="muted small">
          {t('recordings.disk', { free: formatBytes(list.disk.free), total: formatBytes(list.disk.total) })}
        </p>
      )}
      {!list && !problem && <p class="muted">{t('loading')}</p>}
      {list?.recordings.length === 0 && <p class="muted">{t('recordings.none')}</p>}
      {list && list.recordings.length > 0 && (
        <SortedTable
          class="recordings"
          caption={t('recordings')}
          columns={COLUMNS()}
          rows={list.recordings.slice(0, SHOWN)}
          keyOf={({ id }) => id}
          stateOf={({ state }) => state}
          first="start"
        />
      )}
    </section>
  );
}

function toneOf({ state, verdict }: Recording): Tone {
  if (state !== 'done') return 'busy';
  return verdict === 'damaged' ? 'bad' : verdict === null ? 'idle' : 'good';
}

const COLUMNS = (): Column<Recording>[] => [
  {
    id: 'start',
    label: t('recordings.start'),
    numeric: true,
    by: ({ start }) => Date.parse(start),
    cell: ({ start }) => formatDate(start),
  },
  { id: 'stream', label: t('column.stream'), by: ({ stream }) => stream, cell: ({ stream }) => stream },
  {
    id: 'state',
    label: t('column.state'),
    by: ({ state, verdict }) => `${state}${verdict}`,
    cell: (recording) => (
      <>
        <span class="tone" data-tone={toneOf(recording)}>
          {recording.state === 'done'
            ? t(`verdict.${recording.verdict ?? 'none'}`)
            : t(`recordings.${recording.state}`)}
        </span>
        {recording.why && <span class="sub">{recording.why}</span>}
      </>
    ),
  },
  {
    id: 'length',
    label: t('recordings.length'),
    numeric: true,
    by: lengthOf,
    cell: (recording) => (lengthOf(recording) > 0 ? formatDuration(lengthOf(recording)) : NONE),
  },
  {
    id: 'size',
    label: t('recordings.size'),
    numeric: true,
    by: sizeOf,
    cell: (recording) => formatBytes(sizeOf(recording)),
  },
  {
    id: 'files',
    label: t('recordings.files'),
    cell: ({ parts, stream }) =>
      parts.map(
        ({ url, file }, index) =>
          url && (
            <a key={file} href={`${url}&download`} download={`${stream}-${file}`} class="file">
              {parts.length > 1
                ? t('recordings.download.part', { part: index + 1 })
                : t('recordings.download')}
            </a>
          ),
      ),
  },
];

function lengthOf({ parts }: Recording): number {
  return parts.reduce((sum, { duration }) => sum + (duration ?? 0), 0);
}

function sizeOf({ parts }: Recording): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
