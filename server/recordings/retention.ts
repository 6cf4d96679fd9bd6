/** Which recordings have to go: those too old, and the oldest while all together are too large. */
import type { Logger } from '../base/logger.ts';
import { reasonOf } from './files.ts';
import type { Metadata } from './metadata.ts';
import { formatRecordingId, type RecordingId } from './names.ts';
import { type Store, timeOf } from './store.ts';

export type RetentionRule = {
  /** 0: no limit. */
  maxAgeMs: number;
  maxTotalBytes: number;
};

export type Candidate = RecordingId & { bytes: number; metadata: Metadata | undefined };

/**
 * Pure. What may not go still counts towards the size: if it alone is too much, all else goes.
 * A recording's age is that of its end.
 */
export function toDelete(candidates: readonly Candidate[], rule: RetentionRule, now: number): RecordingId[] {
  const oldestFirst = [...candidates].sort((a, b) => endOf(a) - endOf(b));
  let total = oldestFirst.reduce((sum, { bytes }) => sum + bytes, 0);
  const going: RecordingId[] = [];
  for (const { bytes, metadata, stream, start } of oldestFirst) {
    const isTooOld = rule.maxAgeMs > 0 && now - endOf({ start, metadata }) > rule.maxAgeMs;
    const isTooMuch = rule.maxTotalBytes > 0 && total > rule.maxTotalBytes;
    if (!(isTooOld || isTooMuch) || !mayGo(metadata)) continue;
    total -= bytes;
    going.push({ stream, start });
  }
  return going;
}

/** Never one that nobody has verified, or that is worked on, or whose only copy is waiting to be uploaded. */
function mayGo(metadata: Metadata | undefined): boolean {
  if (metadata === undefined || metadata.state !== 'done' || metadata.verdict === null) return false;
  return metadata.upload.state === 'off' || metadata.upload.state === 'done';
}

function endOf({ start, metadata }: Pick<Candidate, 'start' | 'metadata'>): number {
  return metadata?.end ? Date.parse(metadata.end) : timeOf({ stream: '', start });
}

/** Deletes what has to go; how many that were. */
export async function applyRetention(
  { store, logger }: { store: Store; logger: Logger },
  rule: RetentionRule,
  now: number,
): Promise<number> {
  if (rule.maxAgeMs === 0 && rule.maxTotalBytes === 0) return 0;
  const candidates: Candidate[] = [];
  for (const { files, ...id } of await store.inventory()) {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    candidates.push({ ...id, bytes, metadata: (await store.read(id)).metadata });
  }
  let count = 0;
  for (const id of toDelete(candidates, rule, now)) {
    const recording = formatRecordingId(id);
    try {
      await store.delete(id);
      count += 1;
      logger.info({ recording }, 'recording deleted: retention');
    } catch (error) {
      logger.warn({ recording, reason: reasonOf(error) }, 'recording could not be deleted');
    }
  }
  return count;
}
