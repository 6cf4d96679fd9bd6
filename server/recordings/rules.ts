/** Which streams are recorded, by their ids. Pure. */
import type { RecordRule } from '../../config/schema.ts';
import { matchesStream } from '../base/stream-pattern.ts';

/** The first rule that matches counts; without one, a stream is recorded when somebody asks for it. */
export function recordMode(rules: readonly RecordRule[], stream: string): RecordRule['record'] {
  return rules.find(({ streams }) => matchesStream(streams, stream))?.record ?? 'manual';
}
