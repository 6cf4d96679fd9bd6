import { useState } from 'preact/hooks';
import { type PublisherRow, STREAM_STATES, type StreamRow } from '../../server/protocol/live.ts';
import type { Tone } from '../base/status.tsx';
import { formatBitrate, formatPicture, formatSpan, NONE } from './format.ts';
import { type Column, SortedTable } from './sorted-table.tsx';
import { t } from './text.ts';

type Props = { streams: readonly StreamRow[]; now: number };

export const TONES: Record<StreamRow['state'], Tone> = {
  live: 'good',
  silent: 'bad',
  away: 'bad',
  starting: 'busy',
  waiting: 'idle',
};

/** More than this, and a field to look for one is of use. */
const MANY = 8;

export function Streams({ streams, now }: Props) {
  const [wanted, setWanted] = useState('');
  const shown = wanted ? streams.filter((row) => textOf(row).includes(wanted.toLowerCase())) : streams;
  return (
    <section class="panel" aria-labelledby="streams-title">
      <div class="panel-head">
        <h2 id="streams-title">{t('streams')}</h2>
        {(streams.length > MANY || wanted) && (
          <input
            type="search"
            class="input search"
            id="streams-search"
            aria-label={t('streams.search')}
            placeholder={t('streams.search')}
            value={wanted}
            onInput={({ currentTarget }) => setWanted(currentTarget.value)}
          />
        )}
      </div>
      {streams.length === 0 ? (
        <p class="muted">{t('streams.none')}</p>
      ) : (
        <SortedTable
          class="streams"
          caption={t('streams.caption')}
          columns={columnsAt(now)}
          rows={shown}
          keyOf={({ stream }) => stream}
          stateOf={({ state }) => state}
          first="viewers"
        />
      )}
    </section>
  );
}

function textOf({ stream, title, publisher }: StreamRow): string {
  return [stream, title, publisher?.address, publisher?.subject].join(' ').toLowerCase();
}

function columnsAt(now: number): Column<StreamRow>[] {
  return [
    {
      id: 'stream',
      label: t('column.stream'),
      by: ({ stream }) => stream,
      cell: ({ stream, title, notices }) => (
        <>
          <a href={`#stream/${stream}`} class="stream-link">
            {stream}
          </a>
          {title && <span class="sub">{title}</span>}
          {notices > 0 && <span class="sub warning">{t('streams.notices', { count: notices })}</span>}
        </>
      ),
    },
    {
      id: 'state',
      label: t('column.state'),
      // What needs looking at comes last in the list of states, so first where it is turned round.
      by: ({ state }) => STREAM_STATES.indexOf(state),
      cell: (row) => <State row={row} now={now} />,
    },
    {
      id: 'publisher',
      label: t('column.publisher'),
      by: ({ publisher }) => publisher?.address ?? '',
      cell: ({ publisher, camera }) =>
        publisher ? (
          <>
            {camera ? t('protocol.camera') : t(`protocol.${publisher.protocol ?? 'websocket'}`)}
            <span class="sub">{publisher.address}</span>
          </>
        ) : (
          NONE
        ),
    },
    {
      id: 'media',
      label: t('column.media'),
      by: ({ publisher }) => publisher?.picture?.height ?? 0,
      cell: ({ publisher }) =>
        publisher ? (
          <>
            {codecsOf(publisher) || NONE}
            <span class="sub">{formatPicture(publisher.picture)}</span>
          </>
        ) : (
          NONE
        ),
    },
    {
      id: 'bitrate',
      label: t('column.bitrate'),
      numeric: true,
      by: ({ publisher }) => publisher?.bitrate ?? -1,
      cell: ({ publisher }) => (
        <>
          {formatBitrate(publisher?.bitrate)}
          {publisher?.limitation && (
            <span class="sub warning">
              {t('streams.limited', { by: limitationOf(publisher.limitation) })}
            </span>
          )}
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
      id: 'worker',
      label: t('column.worker'),
      numeric: true,
      by: ({ publisher }) => publisher?.worker ?? -1,
      cell: ({ publisher }) => publisher?.worker ?? NONE,
    },
    {
      id: 'recording',
      label: t('column.recording'),
      by: ({ recording }) => (recording ? 0 : 1),
      cell: ({ recording }) => (recording ? <span class="recording-dot">{t('recording.on')}</span> : NONE),
    },
  ];
}

/** `VP8 ×3, opus`: of a simulcast, how many sizes. */
export function codecsOf({ codecs, layers }: PublisherRow): string {
  return codecs
    .map((codec) => (layers > 1 && !/^(opus|pcm[ua])$/i.test(codec) ? `${codec} ×${layers}` : codec))
    .join(', ');
}

export function limitationOf(limitation: string): string {
  if (limitation === 'cpu' || limitation === 'bandwidth') return t(`limitation.${limitation}`);
  return t('limitation.other');
}

function State({ row: { state, since, publisher }, now }: { row: StreamRow; now: number }) {
  return (
    <>
      <span class="tone" data-tone={TONES[state]}>
        {t(`state.${state}`)}
      </span>
      <span class="sub">{formatSpan(now - (publisher?.since ?? since))}</span>
    </>
  );
}
