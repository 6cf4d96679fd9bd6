import type { Recording } from '../../server/protocol/recordings.ts';
import type { Tone } from '../base/status.tsx';
import { t } from './text.ts';

const TONES = { ok: 'good', repaired: 'busy', damaged: 'bad' } as const;

/** How it stands with a recording, in a word or three. */
export function describe({ state, verdict, progress }: Recording): { tone: Tone; text: string } {
  if (state === 'recording') return { tone: 'bad', text: t('state.recording') };
  if (state === 'finishing') {
    if (progress === null) return { tone: 'busy', text: t('state.finishing') };
    return { tone: 'busy', text: t('state.finishing.share', { percent: Math.round(progress * 100) }) };
  }
  if (!verdict) return { tone: 'idle', text: t('state.unchecked') };
  return { tone: TONES[verdict], text: t(`verdict.${verdict}`) };
}

/** In seconds; undefined while no part's length is known. */
export function lengthOf({ parts }: Recording): number | undefined {
  const known = parts.flatMap(({ duration }) => duration ?? []);
  return known.length > 0 ? known.reduce((sum, each) => sum + each, 0) : undefined;
}

export function sizeOf({ parts }: Recording): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
