import type { ComponentChildren } from 'preact';
import type { Percentiles } from '../../server/protocol/live.ts';
import { formatBytes } from '../base/format.ts';
import { Fact } from './fact.tsx';
import { formatBitrate, formatMs, formatShare, formatSpan, NONE } from './format.ts';
import type { Known } from './model.ts';
import { scrolled } from './scrolled.ts';
import { Streams } from './streams.tsx';
import { t } from './text.ts';
import { Workers } from './workers.tsx';

/** All that an operator wants to know at a glance, on one page. */
export function Overview({ known }: { known: Known }) {
  const { parts, streams, at, about, loads } = known;
  return (
    <>
      <Numbers known={known} />
      <Streams streams={[...streams.values()]} now={at} />
      <Workers workers={parts.workers} deaths={parts.deaths} about={about} loads={loads} />
      <div class="two">
        <Refusals known={known} />
        <Server known={known} />
      </div>
    </>
  );
}

function Numbers({ known: { parts, about } }: { known: Known }) {
  const { totals, joins, refusals, workers, recordings } = parts;
  const highest = Math.max(0, ...workers.map(({ load }) => load));
  const refused = refusals.codes.reduce((sum, { recent }) => sum + recent, 0);
  return (
    <dl class="numbers">
      <Figure id="n-streams" name={t('number.streams')} value={totals.streams} />
      <Figure
        id="n-viewers"
        name={t('number.viewers')}
        value={totals.viewers}
        sub={totals.waiting > 0 ? t('number.waiting', { count: totals.waiting }) : undefined}
      />
      <Figure
        id="n-traffic"
        name={t('number.sent')}
        value={formatBitrate(totals.sent)}
        sub={t('number.received', { bitrate: formatBitrate(totals.received) })}
      />
      <Figure
        id="n-load"
        name={t('number.load')}
        value={formatShare(highest)}
        sub={t('number.load.limit', { limit: formatShare(about.maxLoad) })}
      />
      <Figure id="n-join" name={t('number.join')} {...percentiles(joins.join)} />
      <Figure id="n-first-frame" name={t('number.firstFrame')} {...percentiles(joins.firstFrame)} />
      <Figure
        id="n-refused"
        name={t('number.refused')}
        value={refused}
        sub={t('number.window', { time: formatSpan(refusals.window * 1000) })}
      />
      <Figure
        id="n-recording"
        name={t('number.recording')}
        value={recordings.recording}
        sub={recordings.free === null ? undefined : t('number.free', { bytes: formatBytes(recordings.free) })}
      />
    </dl>
  );
}

function percentiles(figures: Percentiles | null) {
  if (!figures) return { value: NONE, sub: t('number.joins.none') };
  return {
    value: formatMs(figures.p50),
    sub: t('number.p95', { p95: formatMs(figures.p95), count: figures.count }),
  };
}

type FigureProps = { id: string; name: string; value: ComponentChildren; sub?: string | undefined };

function Figure({ id, name, value, sub }: FigureProps) {
  return (
    <div class="figure" id={id}>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <span class="sub">{sub ?? ' '}</span>
      </dd>
    </div>
  );
}

function Refusals({ known: { parts } }: { known: Known }) {
  const { codes, window } = parts.refusals;
  const ended = parts.ended.toSorted((a, b) => b.count - a.count);
  return (
    <section class="panel" aria-labelledby="refusals-title">
      <h2 id="refusals-title">{t('refusals')}</h2>
      {codes.length === 0 && ended.length === 0 && <p class="muted">{t('refusals.none')}</p>}
      {codes.length > 0 && (
        <div class="table-frame" {...scrolled(t('refusals'))}>
          <table class="plain" id="refusals">
            <caption class="visually-hidden">{t('refusals')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('refusals.code')}</th>
                <th scope="col" class="number">
                  {t('number.window', { time: formatSpan(window * 1000) })}
                </th>
                <th scope="col" class="number">
                  {t('refusals.total')}
                </th>
              </tr>
            </thead>
            <tbody>
              {codes
                .toSorted((a, b) => b.recent - a.recent || b.total - a.total)
                .map(({ code, total, recent }) => (
                  <tr key={code} data-key={code}>
                    <td>
                      <code>{code}</code>
                    </td>
                    <td class="number">{recent}</td>
                    <td class="number">{total}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      )}
      {ended.length > 0 && (
        <p class="small">
          {t('ended')} {ended.map(({ reason, count }) => `${t(`end.${reason}`)} ${count}`).join(', ')}
        </p>
      )}
    </section>
  );
}

function Server({ known: { parts, about, at } }: { known: Known }) {
  const { health, totals, recordings } = parts;
  const facts: [string, string][] = [
    [t('server.version'), about.version],
    [t('server.uptime'), formatSpan(at - about.startedAt)],
    [t('server.ready'), health.ready ? t('server.ready.yes') : (health.reason ?? t('server.ready.no'))],
    [t('server.delay'), formatMs(health.eventLoopDelay)],
    [t('server.cpu'), formatShare(totals.cpu)],
    [t('server.memory'), formatBytes(totals.memory)],
    [t('server.connections'), `${totals.connections} / ${totals.sockets}`],
    [
      t('server.recordings'),
      t('server.recordings.of', {
        finishing: recordings.finishing,
        damaged: recordings.damaged,
        failures: recordings.failures,
      }),
    ],
    [t('server.node'), about.node],
    [t('server.mediasoup'), about.mediasoup],
    [t('server.whep'), about.whep ? t('yes') : t('server.whep.no')],
  ];
  return (
    <section class="panel" aria-labelledby="server-title">
      <h2 id="server-title">{t('server')}</h2>
      <dl class="facts" id="server">
        {facts.map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
      </dl>
    </section>
  );
}
