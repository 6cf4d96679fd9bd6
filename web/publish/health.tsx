import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useLatest } from '../base/use-events.ts';
import type { Publisher } from '../lib/publisher.ts';
import type { Audience } from '../lib/publisher-facts.ts';
import type { SendingStats } from '../lib/sending-stats.ts';
import { bitsLabel, healthSentence, percent, sizes, viewersByHeight } from './health-words.ts';
import { t } from './text.ts';

/** How it goes, while live: a light with its reason, then the figures of both sides. */
export function HealthPanel({ publisher, viewers }: { publisher: Publisher; viewers: number }) {
  const health = useLatest(publisher, 'health', publisher.health);
  const audience = useLatest(publisher, 'audience', publisher.audience);
  const [stats, setStats] = useState<SendingStats | undefined>();
  useEffect(() => publisher.on('stats', setStats), [publisher]);
  if (!health) return null;
  const { light, reason } = health;
  return (
    <section class="card health" aria-labelledby="health-title">
      <h2 id="health-title">{t('health.title')}</h2>
      <p id="health" class="light" data-light={light} data-reason={reason} role="status">
        <span>
          <strong>{t(`health.${light}`)}</strong> {healthSentence(reason, { stats, audience, viewers })}
        </span>
      </p>
      <div class="figures">
        {stats && <Sent stats={stats} />}
        <Received audience={audience} stats={stats} viewers={viewers} />
      </div>
    </section>
  );
}

function Sent({ stats }: { stats: SendingStats }) {
  const { width, height, frameRate, bitrate, roundTrip, lost, path, limitation, codec } = stats;
  return (
    <dl id="sent" aria-label={t('health.sent')}>
      {width > 0 && (
        <Figure name={t('health.picture')}>
          {width} × {height}, {t('health.frames', { count: Math.round(frameRate) })}
          {codec && ` · ${codec}`}
        </Figure>
      )}
      {stats.layers.length > 1 && <Figure name={t('health.sizes')}>{sizes(stats.layers)}</Figure>}
      <Figure name={t('health.bitrate')}>{bitsLabel(bitrate)}</Figure>
      <Figure name={t('health.roundTrip')}>{Math.round(roundTrip)} ms</Figure>
      <Figure name={t('health.lost')}>{percent(lost)}</Figure>
      <Figure name={t('health.path')}>{t(`health.path.${path}`)}</Figure>
      <Figure name={t('health.limit')}>{t(`health.limit.${limitation}`)}</Figure>
    </dl>
  );
}

type ReceivedProps = {
  audience: Audience | undefined;
  stats: SendingStats | undefined;
  viewers: number;
};

function Received({ audience, stats, viewers }: ReceivedProps) {
  const groups = audience ? viewersByHeight(audience, stats?.layers ?? []) : [];
  const { reporting = 0, frozen = 0, overloaded = false } = audience ?? {};
  return (
    <dl id="audience" aria-label={t('health.audience')}>
      <Figure name={t('health.viewers')}>{viewers}</Figure>
      {groups.map(({ label, count }) => (
        <Figure key={label} name={label} sub>
          {count}
        </Figure>
      ))}
      <Figure name={t('health.frozen')}>
        {reporting > 0 ? t('health.frozen.of', { frozen, reporting }) : t('health.unknown')}
      </Figure>
      <Figure name={t('health.server')}>
        {audience ? t(overloaded ? 'health.server.full' : 'health.server.ok') : t('health.unknown')}
      </Figure>
    </dl>
  );
}

type FigureProps = { name: string; sub?: boolean; children: ComponentChildren };

function Figure({ name, sub = false, children }: FigureProps) {
  return (
    <div class={sub ? 'figure sub' : 'figure'}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
