import { useState } from 'preact/hooks';
import type { Recording } from '../../server/protocol/recordings.ts';
import { formatBytes, formatDate, formatDuration } from '../base/format.ts';
import { describe, lengthOf, sizeOf } from './describe.ts';
import { t } from './text.ts';

type Props = { recording: Recording; onDelete(): Promise<void> };

export function RecordingCard({ recording, onDelete }: Props) {
  const [playing, setPlaying] = useState<number | undefined>();
  const { stream, start, parts, thumbnail, state, progress, why } = recording;
  const playable = parts.some(({ url }) => url);
  const { tone, text } = describe(recording);
  const length = lengthOf(recording);
  return (
    <li class="card recording" data-id={recording.id} data-state={state} data-verdict={recording.verdict}>
      <div class="recording-row">
        <button
          type="button"
          class="thumbnail"
          aria-label={t('play', { stream })}
          disabled={!playable}
          onClick={() => setPlaying(playing === undefined ? 0 : undefined)}
        >
          {thumbnail ? <img src={thumbnail} alt="" loading="lazy" /> : <span aria-hidden="true">♪</span>}
        </button>
        <div class="recording-facts">
          <h2>{stream}</h2>
          <p class="muted small">
            <time dateTime={start}>{formatDate(start)}</time>
            {length !== undefined && ` · ${formatDuration(length)}`} · {formatBytes(sizeOf(recording))}
            {parts[0]?.height ? ` · ${parts[0].width}×${parts[0].height}` : ''}
            {parts.length > 1 && ` · ${t('parts', { count: parts.length })}`}
          </p>
          <p class="verdict" data-tone={tone}>
            {text}
          </p>
          {why && <p class="small muted">{why}</p>}
          {state === 'finishing' && (
            <progress value={progress ?? undefined} max={1} aria-label={t('state.finishing')} />
          )}
        </div>
        {state === 'done' && <Actions recording={recording} onDelete={onDelete} />}
      </div>
      {playing !== undefined && <Player recording={recording} part={playing} onPart={setPlaying} />}
    </li>
  );
}

function Actions({ recording, onDelete }: Props) {
  const [asking, setAsking] = useState(false);
  const [deleting, setDeleting] = useState(false);
  if (asking) {
    return (
      <fieldset class="recording-actions">
        <legend class="visually-hidden">{t('delete.ask')}</legend>
        <button
          type="button"
          class="button danger confirm"
          disabled={deleting}
          onClick={() => {
            setDeleting(true);
            void onDelete().finally(() => {
              setDeleting(false);
              setAsking(false);
            });
          }}
        >
          {t('delete.yes')}
        </button>
        <button type="button" class="button" disabled={deleting} onClick={() => setAsking(false)}>
          {t('delete.no')}
        </button>
      </fieldset>
    );
  }
  return (
    <div class="recording-actions">
      {recording.parts.map(
        ({ url, file }, index) =>
          url && (
            <a key={file} class="button" href={`${url}&download`} download={`${recording.stream}-${file}`}>
              {recording.parts.length > 1 ? t('download.part', { part: index + 1 }) : t('download')}
            </a>
          ),
      )}
      <button type="button" class="button delete" onClick={() => setAsking(true)}>
        {t('delete')}
      </button>
    </div>
  );
}

type PlayerProps = { recording: Recording; part: number; onPart(part: number | undefined): void };

function Player({ recording, part, onPart }: PlayerProps) {
  const { parts } = recording;
  const url = parts[part]?.url;
  return (
    <div class="recording-player">
      {url ? (
        // biome-ignore lint/a11y/useMediaCaption: what was said live has no captions
        <video
          key={url}
          src={url}
          controls
          autoplay
          playsInline
          onEnded={() => part + 1 < parts.length && onPart(part + 1)}
        />
      ) : (
        <p class="muted">{t('part.gone')}</p>
      )}
      {parts.length > 1 && (
        <fieldset class="part-choice">
          <legend class="visually-hidden">{t('part.choice')}</legend>
          {parts.map(({ file }, index) => (
            <button
              key={file}
              type="button"
              class="button"
              aria-pressed={index === part}
              onClick={() => onPart(index)}
            >
              {t('part', { part: index + 1 })}
            </button>
          ))}
        </fieldset>
      )}
    </div>
  );
}
