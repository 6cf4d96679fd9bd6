/** How it stands with the server, with its reasons; the page has the words. Pure. */
import type { Parts, StreamRow } from '../../server/protocol/live.ts';
import type { Tone } from '../base/status.tsx';
import { formatMs, formatShare } from './format.ts';

/** A text `health.<what>` with these values. */
export type Reason = {
  what: 'overloaded' | 'load' | 'cameras' | 'interrupted' | 'recordings' | 'space' | 'deaths';
  values: Record<string, string | number>;
};

export type Judgement = {
  tone: Tone;
  verdict: 'good' | 'worry' | 'bad' | 'notReady';
  reasons: readonly Reason[];
  /** Why it is not ready, in the server's words. */
  told: string;
};

/** Less than this free, in bytes, where recordings are kept. */
const LITTLE_SPACE = 5e9;
/** Of the load at which a worker takes no more: before that, it is worth a look. */
const BUSY = 0.8;

export function judge(parts: Parts, streams: Iterable<StreamRow>, maxLoad: number): Judgement {
  const { ready, reason, overloaded, eventLoopDelay } = parts.health;
  const worries = worriesOf(parts, streams, maxLoad);
  if (!ready) return { tone: 'bad', verdict: 'notReady', reasons: worries, told: reason ?? '' };
  if (overloaded) {
    const late: Reason = { what: 'overloaded', values: { delay: formatMs(eventLoopDelay) } };
    return { tone: 'bad', verdict: 'bad', reasons: [late, ...worries], told: '' };
  }
  return worries.length > 0
    ? { tone: 'busy', verdict: 'worry', reasons: worries, told: '' }
    : { tone: 'good', verdict: 'good', reasons: [], told: '' };
}

function worriesOf(
  { workers, cameras, recordings, deaths }: Parts,
  streams: Iterable<StreamRow>,
  maxLoad: number,
): Reason[] {
  const found: Reason[] = [];
  const add = (what: Reason['what'], count: number) => count > 0 && found.push({ what, values: { count } });
  const highest = Math.max(0, ...workers.map(({ load }) => load));
  if (highest >= maxLoad * BUSY) found.push({ what: 'load', values: { load: formatShare(highest) } });
  add('cameras', cameras.filter(({ state }) => state === 'failed' || state === 'retrying').length);
  add('interrupted', [...streams].filter(({ state }) => state === 'away' || state === 'silent').length);
  add('recordings', recordings.failures);
  if (recordings.free !== null && recordings.free < LITTLE_SPACE) found.push({ what: 'space', values: {} });
  add('deaths', deaths);
  return found;
}
