import { type Detail, VIEWER_STATES, type ViewerRow } from '../../server/protocol/live.ts';
import type { Tone } from '../base/status.tsx';
import type { Actions } from './actions.ts';
import { ConfirmButton } from './confirm.tsx';
import { Fact } from './fact.tsx';
import { formatBitrate, formatMs, formatPicture, formatShare, formatSpan, NONE } from './format.ts';
import { Revoke } from './revoke.tsx';
import { type Column, SortedTable } from './sorted-table.tsx';
import { t } from './text.ts';

type Props = { stream: string; detail: Detail | undefined; now: number; actions: Actions; most: number };

export function Viewers({ stream, detail, now, actions, most }: Props) {
  return (
    <section class="panel" aria-labelledby="viewers-title">
      <h2 id="viewers-title">{t('viewers')}</h2>
      {detail && <Summary detail={detail} />}
      {detail && detail.viewers.length > 0 && (
        <SortedTable
          class="viewers"
          caption={t('viewers.caption')}
          columns={columnsFor(stream, now, actions)}
          rows={detail.viewers}
          keyOf={({ id }) => id}
          stateOf={({ state }) => state}
          first="quality"
        />
      )}
      {detail && detail.audience.viewers > most && (
        <p class="muted small">{t('viewers.more', { count: most, all: detail.audience.viewers })}</p>
      )}
    </section>
  );
}

/** All of them in a few figures. */
function Summary({ detail: { audience } }: { detail: Detail }) {
  const { viewers, states, layers, tcp, reporting, frozen, slowDecoder, troubled } = audience;
  if (viewers === 0) return <p class="muted">{t('viewers.none')}</p>;
  const facts: [string, string | number][] = [
    [t('audience.viewers'), viewers],
    ...VIEWER_STATES.flatMap((state, index): [string, number][] =>
      states[index] ? [[t(`viewer.${state}`), states[index]]] : [],
    ),
    [t('audience.troubled'), troubled],
    [t('audience.frozen'), reporting > 0 ? t('audience.of', { part: frozen, all: reporting }) : NONE],
    [t('audience.slow'), slowDecoder],
    [t('audience.tcp'), tcp],
    ...(layers.length > 1 ? [[t('audience.layers'), layers.join(' / ')] as [string, string]] : []),
  ];
  return (
    <dl class="facts" id="audience">
      {facts.map(([name, value]) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
    </dl>
  );
}

/** What is wrong with it, from 0 to 1, in a colour. */
function toneOf({ state, trouble }: ViewerRow): Tone {
  if (state === 'waiting') return 'idle';
  if (trouble >= 0.4) return 'bad';
  return trouble >= 0.1 ? 'busy' : 'good';
}

function wordsOf({ state, trouble, frozen, lost, slowDecoder, score }: ViewerRow): string {
  if (state !== 'live') return t(`viewer.${state}`);
  if (trouble < 0.1) return t('quality.good');
  if (slowDecoder) return t('quality.slow');
  if (frozen) return t('quality.frozen', { time: formatMs(frozen) });
  if (lost) return t('quality.lost', { share: formatShare(lost) });
  return t('quality.score', { score: score ?? NONE });
}

function columnsFor(stream: string, now: number, actions: Actions): Column<ViewerRow>[] {
  return [
    {
      id: 'viewer',
      label: t('column.viewer'),
      by: ({ address }) => address,
      cell: ({ address, protocol, subject }) => (
        <>
          {address || NONE}
          <span class="sub">
            {t(`protocol.${protocol ?? 'websocket'}`)}
            {subject && !subject.startsWith('address:') && `, ${subject}`}
          </span>
        </>
      ),
    },
    {
      id: 'quality',
      label: t('column.quality'),
      // The worst first.
      by: ({ trouble }) => -trouble,
      cell: (row) => (
        <span class="tone" data-tone={toneOf(row)}>
          {wordsOf(row)}
        </span>
      ),
    },
    {
      id: 'picture',
      label: t('column.picture'),
      numeric: true,
      by: ({ picture, layer }) => picture?.height ?? layer ?? -1,
      cell: ({ picture, layer }) => (
        <>
          {formatPicture(picture)}
          {layer !== null && <span class="sub">{t('layer', { layer: layer + 1 })}</span>}
        </>
      ),
    },
    {
      id: 'bitrate',
      label: t('column.bitrate'),
      numeric: true,
      by: ({ bitrate }) => bitrate ?? -1,
      cell: ({ bitrate }) => formatBitrate(bitrate),
    },
    {
      id: 'lost',
      label: t('column.lost'),
      numeric: true,
      by: ({ lost }) => lost ?? -1,
      cell: ({ lost }) => formatShare(lost),
    },
    {
      id: 'roundTrip',
      label: t('column.roundTrip'),
      numeric: true,
      by: ({ roundTrip }) => roundTrip ?? -1,
      cell: ({ roundTrip, path }) => (
        <>
          {formatMs(roundTrip)}
          {path && <span class="sub">{t(`path.${path}`)}</span>}
        </>
      ),
    },
    {
      id: 'worker',
      label: t('column.worker'),
      numeric: true,
      by: ({ worker }) => worker ?? -1,
      cell: ({ worker }) => worker ?? NONE,
    },
    {
      id: 'since',
      label: t('column.since'),
      numeric: true,
      by: ({ since }) => now - since,
      cell: ({ since }) => formatSpan(now - since),
    },
    {
      id: 'actions',
      label: t('column.actions'),
      cell: ({ id, address, subject }) => (
        <span class="row">
          <ConfirmButton
            class="kick"
            label={t('action.kick')}
            name={t('action.kick.of', { who: address })}
            title={t('confirm.kick', { who: address })}
            text={t('confirm.kick.text')}
            run={() => actions.kick(stream, id, address)}
          />
          <Revoke subject={subject} actions={actions} />
        </span>
      ),
    },
  ];
}
