/** What a crash has left is found at the next start, and handed to the finisher. */
import type { Logger } from '../base/logger.ts';
import { isMissing, NO_SPACE } from './files.ts';
import type { Finisher } from './finisher.ts';
import { type Metadata, newMetadata, newPart, type Part } from './metadata.ts';
import { formatRecordingId, type RecordingId } from './names.ts';
import { type Store, type StoredFile, timeOf } from './store.ts';

export type Recovery = {
  store: Store;
  finisher: Finisher;
  logger: Logger;
};

/**
 * Before anything is recorded, and with nothing in the finisher. Resolves when all that is unfinished
 * is in the finisher's queue, with how many that are.
 */
export async function recover({ store, finisher, logger }: Recovery): Promise<number> {
  await store.deleteTemporary();
  let count = 0;
  // The newest first: that is what somebody is waiting for.
  for (const { files, ...id } of await store.inventory()) {
    const recording = formatRecordingId(id);
    try {
      const { metadata, problem } = await store.read(id);
      const unfinished = takeUp(id, metadata, problem, files);
      if (unfinished === undefined) continue;
      await store.write(id, unfinished);
      logger.warn({ recording, ...(problem && { problem }) }, 'unfinished recording found');
      void finisher.add(id);
      count += 1;
    } catch (error) {
      // Deleted by somebody, meanwhile.
      if (!isMissing(error)) logger.error({ recording, err: error }, 'recording could not be taken up');
    }
  }
  return count;
}

/** What is to be done of it, as its new metadata; undefined if that is nothing. Pure. */
export function takeUp(
  id: RecordingId,
  metadata: Metadata | undefined,
  problem: string | undefined,
  files: readonly StoredFile[],
): Metadata | undefined {
  const media = files.filter(({ kind }) => kind === 'live' || kind === 'finished');
  if (metadata === undefined) {
    // A thumbnail alone is no recording.
    if (media.length === 0) return undefined;
    return { ...rebuilt(id, media), endReason: problem ?? '' };
  }
  const parts = [...metadata.parts, ...unknownParts(id, metadata, media)];
  const isDone = metadata.state === 'done' && parts.every((part) => !isToBeTried(part, media));
  if (isDone) return undefined;
  const endReason = metadata.endReason || 'the server ended';
  return {
    ...metadata,
    state: 'finishing',
    verdict: null,
    why: '',
    endReason,
    parts: parts.map((part) =>
      part.verdict === null || isToBeTried(part, media) ? taken(part, media) : part,
    ),
  };
}

/** There was no space to finish it, and now there may be. Whatever else failed fails again. */
function isToBeTried({ verdict, why, file, live }: Part, media: readonly StoredFile[]): boolean {
  if (verdict === null) return true;
  return file === null && why.includes(NO_SPACE) && media.some(({ name }) => name === live);
}

function rebuilt(id: RecordingId, media: readonly StoredFile[]): Metadata {
  const metadata = newMetadata(id);
  const parts = unknownParts(id, metadata, media).map((part) => taken(part, media));
  return { ...metadata, state: 'finishing', parts };
}

/** Parts that were begun and not written down. */
function unknownParts(id: RecordingId, { parts }: Metadata, media: readonly StoredFile[]): Part[] {
  const known = new Set(parts.flatMap(({ live, file }) => [live, file]));
  const numbers = new Set(media.map(({ part }) => part));
  return [...numbers]
    .sort((a, b) => a - b)
    .flatMap((number) => {
      const own = media.filter(({ part }) => part === number);
      if (own.some(({ name }) => known.has(name)) || number <= parts.length) return [];
      const live = own.find(({ kind }) => kind === 'live')?.name ?? null;
      const file = live === null ? (own[0]?.name ?? null) : null;
      return [newPart({ start: new Date(timeOf(id)).toISOString(), live, file, kinds: [], recovered: true })];
    });
}

/**
 * How long it should be, its file's times say as well as they can: nothing of it was written after
 * the last change. When a later part began is not known if nobody has written it down.
 */
function taken(part: Part, media: readonly StoredFile[]): Part {
  const live = media.find(({ name }) => name === part.live);
  const isKnown = part.expected !== null || live === undefined || (part.recovered && live.part > 1);
  const seconds = isKnown ? part.expected : (live.modified - Date.parse(part.start)) / 1000;
  const expected = seconds === null || seconds < 0 ? null : seconds;
  return {
    ...part,
    expected,
    recovered: part.recovered || part.expected === null,
    verdict: null,
    why: '',
    notes: [],
  };
}
