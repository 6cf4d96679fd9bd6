import { t } from './text.ts';

export type Device = 'camera' | 'microphone';

export type ProblemKind = 'insecure' | 'denied' | 'missing' | 'busy' | 'unplugged' | 'replaced' | 'unknown';

/** Why there is no picture or no sound. */
export type Problem = {
  kind: ProblemKind;
  devices: readonly Device[];
  /** The browser's own words, where ours do not cover it; of `replaced`, the name of what is used instead. */
  detail?: string;
};

/** By the names that getUserMedia rejects with (Media Capture and Streams, section 10.2). */
export function problemOf(error: unknown, devices: readonly Device[]): Problem {
  const name = error instanceof Error ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return { kind: 'denied', devices };
    case 'NotFoundError':
    // Only ever for a device that was chosen by its id: all else is asked for as ideal.
    case 'OverconstrainedError':
      return { kind: 'missing', devices };
    case 'NotReadableError':
    case 'AbortError':
      return { kind: 'busy', devices };
    default:
      return { kind: 'unknown', devices, detail: error instanceof Error ? error.message : String(error) };
  }
}

export function explainProblem({ kind, devices, detail }: Problem): { title: string; text: string } {
  const [only, other] = devices;
  const group = other || !only ? 'both' : only;
  const which = t(`device.${group}`);
  const values = { which, detail: detail || t('problem.nothing') };
  const title = kind === 'missing' ? t(`problem.missing.${group}`) : t(`problem.${kind}.title`, values);
  return { title, text: t(`problem.${kind}.text`, values) };
}
