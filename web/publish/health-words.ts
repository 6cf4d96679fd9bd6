import type { HealthReason } from '../lib/diagnosis.ts';
import type { Audience } from '../lib/publisher-facts.ts';
import type { SendingStats, SentLayer } from '../lib/sending-stats.ts';
import { t } from './text.ts';

type Circumstances = {
  stats: SendingStats | undefined;
  audience: Audience | undefined;
  viewers: number;
};

/** Why the light is what it is, and what to do. */
export function healthSentence(reason: HealthReason, { stats, audience, viewers }: Circumstances): string {
  switch (reason) {
    case 'ok':
      return t(viewers > 0 ? 'health.ok' : 'health.okAlone');
    case 'loss':
      return t('health.loss', { lost: percent(stats?.lost ?? 0) });
    case 'slow_path':
      return t('health.slow_path', { milliseconds: Math.round(stats?.roundTrip ?? 0) });
    case 'viewers_frozen': {
      const { frozen = 0, reporting = 0 } = audience ?? {};
      return t('health.viewers_frozen', { frozen, reporting });
    }
    default:
      return t(`health.${reason}`);
  }
}

/** How many watch each size, largest first; then those who only listen. */
export function viewersByHeight(
  { layers, audioOnly }: Audience,
  sent: readonly SentLayer[],
): { label: string; count: number }[] {
  const groups = layers.map((count, index) => {
    const height = heightOf(index, layers.length, sent);
    return { label: height ? `${height}p` : t('health.size', { number: index + 1 }), count };
  });
  const largestFirst = groups.length > 1 ? groups.toReversed() : [];
  return audioOnly > 0 ? [...largestFirst, { label: t('health.audioOnly'), count: audioOnly }] : largestFirst;
}

/** Several sizes in one stream (SVC) are told of as the largest alone; each has half the height of the next. */
function heightOf(layer: number, layers: number, sent: readonly SentLayer[]): number | undefined {
  const [first] = sent;
  const own = sent.length === layers ? sent[layer] : undefined;
  if (own) return Math.min(own.width, own.height);
  return first && sent.length === 1
    ? Math.round(Math.min(first.width, first.height) / 2 ** (layers - 1 - layer))
    : undefined;
}

/** `180p, 360p`: those that are sent now. */
export function sizes(layers: readonly SentLayer[]): string {
  return layers
    .filter(({ active }) => active)
    .map(({ width, height }) => `${Math.min(width, height)}p`)
    .join(', ');
}

/** `2.8 Mbit/s`, `64 kbit/s` */
export function bitsLabel(bitrate: number): string {
  return bitrate >= 1e6 ? `${(bitrate / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bitrate / 1000)} kbit/s`;
}

/** `0 %`, `0.4 %`, `12 %` */
export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}
