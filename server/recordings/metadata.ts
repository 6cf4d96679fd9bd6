/** What is known of a recording: the `.json` beside its files. Pure. */
import { z } from 'zod';
import { mediaKind, streamId } from '../protocol/messages.ts';
import { isMediaName, type RecordingId, startTime } from './names.ts';

/** `repaired`: something was wrong and is mended, at most a second of it lost. */
const verdict = z.enum(['ok', 'repaired', 'damaged']);
export type Verdict = z.infer<typeof verdict>;

const time = z.iso.datetime({ precision: 3 });
const seconds = z.number().min(0);
const count = z.int().min(0);
const fileName = z.string().max(64);

/** A time in which nothing was to be expected: the publisher was away, or had muted. In seconds of the part. */
const absence = z.object({ kind: z.union([mediaKind, z.literal('both')]), from: seconds, to: seconds });
export type Absence = z.infer<typeof absence>;

const part = z.object({
  start: time,
  /** The file as it was recorded; null when it is gone, which it only is if the verdict is good. */
  live: fileName.nullable(),
  /** The finished file; null until there is one. */
  file: fileName.nullable(),
  /** What was to be recorded. */
  kinds: z.array(mediaKind),
  /** How long it should be by the wall clock; null if nobody knows. */
  expected: seconds.nullable(),
  absences: z.array(absence).max(1000),
  /** RTP packets that did not reach the recorder, and those that did. */
  lostPackets: count,
  receivedPackets: count,
  /** Taken up after a crash. */
  recovered: z.boolean(),

  codecs: z.array(z.string()),
  /** Of the first picture. */
  width: count.nullable(),
  height: count.nullable(),
  bytes: count.nullable(),
  duration: seconds.nullable(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  verdict: verdict.nullable(),
  why: z.string(),
  notes: z.array(z.string()),
});
export type Part = z.infer<typeof part>;

const upload = z.object({
  /** `off`: it is not to be uploaded. `failed`: given up for now. */
  state: z.enum(['off', 'waiting', 'done', 'failed']),
  why: z.string(),
  /** What is stored and confirmed: the key of each file. */
  objects: z.array(z.object({ file: z.string(), key: z.string(), bytes: count })),
  /** A multipart upload that was begun: if we die in it, it is to be ended. */
  unfinished: z.object({ key: z.string(), uploadId: z.string() }).nullable(),
  /** Local media files are deleted; this is when. */
  localDeleted: time.nullable(),
});
export type Upload = z.infer<typeof upload>;

const metadataSchema = z.object({
  version: z.literal(1),
  stream: streamId,
  start: time,
  end: time.nullable(),
  state: z.enum(['recording', 'finishing', 'done']),
  /** Why it ended, in a word or a few. */
  endReason: z.string(),
  parts: z.array(part).max(9999),
  /** The worst of its parts'. */
  verdict: verdict.nullable(),
  why: z.string(),
  upload,
});
export type Metadata = z.infer<typeof metadataSchema>;

export const NO_UPLOAD: Upload = {
  state: 'off',
  why: '',
  objects: [],
  unfinished: null,
  localDeleted: null,
};

export function newMetadata({ stream, start }: RecordingId): Metadata {
  return {
    version: 1,
    stream,
    start: new Date(startTime(start) ?? 0).toISOString(),
    end: null,
    state: 'recording',
    endReason: '',
    parts: [],
    verdict: null,
    why: '',
    upload: NO_UPLOAD,
  };
}

/** A part that begins. */
export function newPart(known: Pick<Part, 'start' | 'live' | 'kinds'> & Partial<Part>): Part {
  return {
    file: null,
    expected: null,
    absences: [],
    lostPackets: 0,
    receivedPackets: 0,
    recovered: false,
    codecs: [],
    width: null,
    height: null,
    bytes: null,
    duration: null,
    sha256: null,
    verdict: null,
    why: '',
    notes: [],
    ...known,
  };
}

export type Parsed = { metadata: Metadata } | { problem: string };

/** What the text says, if it is about this recording. Never throws. */
export function parseMetadata(text: string, { stream, start }: RecordingId): Parsed {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return { problem: text.trim() === '' ? 'it is empty' : 'it is not JSON' };
  }
  const parsed = metadataSchema.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { problem: `${issue?.path.join('.') || 'it'}: ${issue?.message}` };
  }
  const metadata = parsed.data;
  if (metadata.stream !== stream || Date.parse(metadata.start) !== startTime(start)) {
    return { problem: 'it is about another recording' };
  }
  const names = metadata.parts.flatMap(({ live, file }) => [live, file]).filter((name) => name !== null);
  const foreign = names.find((name) => !isMediaName(name, start));
  return foreign === undefined ? { metadata } : { problem: 'it names a file that is not its own' };
}

/** The verdict of the whole: the worst, and why. */
export function overall(parts: readonly Part[]): { verdict: Verdict; why: string } {
  const worst = (['damaged', 'repaired'] as const).find((level) =>
    parts.some((entry) => entry.verdict === level),
  );
  if (parts.length === 0) return { verdict: 'damaged', why: 'nothing was recorded' };
  if (worst === undefined) return { verdict: 'ok', why: '' };
  const reasons = parts.flatMap((entry, index) =>
    entry.verdict === worst ? [parts.length === 1 ? entry.why : `part ${index + 1}: ${entry.why}`] : [],
  );
  const more = reasons.length > 3 ? [`and ${reasons.length - 3} more parts`] : [];
  return { verdict: worst, why: [...reasons.slice(0, 3), ...more].join('; ') };
}
