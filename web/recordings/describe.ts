import type { Recording } from '../../server/protocol/recordings.ts';
import type { Tone } from '../base/status.tsx';

const VERDICTS = {
  ok: { tone: 'good', text: 'Checked: complete' },
  repaired: { tone: 'busy', text: 'Checked: repaired' },
  damaged: { tone: 'bad', text: 'Damaged' },
} as const;

/** How it stands with a recording, in a word or three. */
export function describe({ state, verdict, progress }: Recording): { tone: Tone; text: string } {
  if (state === 'recording') return { tone: 'bad', text: 'Recording now' };
  if (state === 'finishing') {
    const percent = progress === null ? '' : ` ${Math.round(progress * 100)} %`;
    return { tone: 'busy', text: `Finishing${percent}` };
  }
  return verdict ? VERDICTS[verdict] : { tone: 'idle', text: 'Not checked' };
}

/** In seconds; undefined while no part's length is known. */
export function lengthOf({ parts }: Recording): number | undefined {
  const known = parts.flatMap(({ duration }) => duration ?? []);
  return known.length > 0 ? known.reduce((sum, each) => sum + each, 0) : undefined;
}

export function sizeOf({ parts }: Recording): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
