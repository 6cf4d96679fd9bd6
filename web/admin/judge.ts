/** How it stands with the server, in one word with its reasons. Pure. */
import type { Parts, StreamRow } from '../../server/protocol/live.ts';
import type { Tone } from '../base/status.tsx';
import { formatMs, formatShare } from './format.ts';
import { t } from './text.ts';

export type Judgement = { tone: Tone; text: string; reasons: readonly string[] };

/** Less than this free, in bytes, where recordings are kept. */
const LITTLE_SPACE = 5e9;
/** Before it is refused, it is worth a look. */
const BUSY = 0.8;

export function judge(parts: Parts, streams: Iterable<StreamRow>, maxLoad: number): Judgement {
  const { health } = parts;
  if (!health.ready) return { tone: 'bad', text: t('health.notReady'), reasons: [health.reason ?? ''] };
  const bad = health.overloaded ? [t('health.overloaded', { delay: formatMs(health.eventLoopDelay) })] : [];
  const reasons = [...bad, ...worries(parts, streams, maxLoad)];
  if (reasons.length === 0) return { tone: 'good', text: t('health.good'), reasons };
  return bad.length > 0
    ? { tone: 'bad', text: t('health.bad'), reasons }
    : { tone: 'busy', text: t('health.worry'), reasons };
}

function worries(parts: Parts, streams: Iterable<StreamRow>, maxLoad: number): string[] {
  const { workers, cameras, recordings, deaths } = parts;
  const found: string[] = [];
  const highest = Math.max(0, ...workers.map(({ load }) => load));
  if (highest >= maxLoad * BUSY) found.push(t('health.load', { load: formatShare(highest) }));
  const failed = cameras.filter(({ state }) => state === 'failed' || state === 'retrying');
  if (failed.length > 0) found.push(t('health.cameras', { count: failed.length }));
  const interrupted = [...streams].filter(({ state }) => state === 'away' || state === 'silent').length;
  if (interrupted > 0) found.push(t('health.interrupted', { count: interrupted }));
  if (recordings.failures > 0) found.push(t('health.recordings', { count: recordings.failures }));
  if (recordings.free !== null && recordings.free < LITTLE_SPACE) found.push(t('health.space'));
  if (deaths > 0) found.push(t('health.deaths', { count: deaths }));
  return found;
}
