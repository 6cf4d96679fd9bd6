/** Recordings as the REST API tells of them; server and pages share these schemas. */
import * as z from 'zod/mini';
import { streamId } from './messages.ts';

const verdict = z.enum(['ok', 'repaired', 'damaged']);
export type Verdict = z.infer<typeof verdict>;

export const recordingPart = z.object({
  file: z.string(),
  bytes: z.number(),
  /** In seconds; null while nobody knows. */
  duration: z.nullable(z.number()),
  codecs: z.array(z.string()),
  width: z.nullable(z.number()),
  height: z.nullable(z.number()),
  verdict: z.nullable(verdict),
  why: z.string(),
  /** Where it plays, for a limited time and for whoever has the address; null while it is being written, or when it is only in the store. */
  url: z.nullable(z.string()),
});

export const recording = z.object({
  /** `<stream>/<start>`, as in the addresses of the API. */
  id: z.string(),
  stream: streamId,
  start: z.string(),
  end: z.nullable(z.string()),
  state: z.enum(['recording', 'finishing', 'done']),
  /** Of finishing, 0 to 1. */
  progress: z.nullable(z.number()),
  endReason: z.string(),
  verdict: z.nullable(verdict),
  why: z.string(),
  parts: z.array(recordingPart),
  thumbnail: z.nullable(z.string()),
  upload: z.enum(['off', 'waiting', 'done', 'failed']),
});
export type Recording = z.infer<typeof recording>;

export const recordingList = z.object({
  recordings: z.array(recording),
  /** There are more, older ones. */
  more: z.boolean(),
  /** In bytes, of the disk that recordings are on. */
  disk: z.nullable(z.object({ free: z.number(), total: z.number() })),
});
export type RecordingList = z.infer<typeof recordingList>;

/** What is recorded of a stream now. */
export const recordingStatus = z.object({
  /** Whether it is recorded: never, when asked to, or whenever it is live. */
  mode: z.enum(['off', 'manual', 'always']),
  recording: z.nullable(
    z.object({
      id: z.string(),
      start: z.string(),
      seconds: z.number(),
      bytes: z.number(),
      parts: z.number(),
    }),
  ),
});
export type RecordingStatus = z.infer<typeof recordingStatus>;
