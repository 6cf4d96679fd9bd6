/** `/api/recordings`: what was recorded, to list, play, download and delete; and what is recorded of a stream now. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { type Request, type Response, Router } from 'express';
import type { Access } from '../auth/access.ts';
import { PharosError } from '../base/errors.ts';
import { streamId } from '../protocol/messages.ts';
import type { Recording, RecordingList } from '../protocol/recordings.ts';
import {
  formatRecordingId,
  parseFileName,
  parseRecordingId,
  type RecordingId,
  thumbnailName,
} from '../recordings/names.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { StoredRecording } from '../recordings/store.ts';
import { respond, serve } from './operation.ts';
import {
  deleteRecording,
  getRecording,
  getRecordingFile,
  getStreamRecording,
  listRecordings,
  startRecording,
  stopRecording,
} from './operations/recordings.ts';

type Options = { access: Access; recordings: Recordings };

const LIST_LENGTH = 200;
/** How long the address of a file can be used: long enough to watch it. */
const LINK_MS = 12 * 3_600_000;

export function recordingsApi({ access, recordings }: Options): Router {
  const router = Router();
  const links = new Links();
  const files = new Files(recordings, links);

  // Before what is for administrators alone: the address itself is the grant.
  serve(router, access, getRecordingFile, async (request, response, next) => {
    const id = idOf(request);
    const { file = '' } = request.params;
    if (!links.holds(id, file, request.query.until, request.query.grant)) {
      throw new PharosError('unauthorized', 'this address is wrong or too old; load the list again');
    }
    await send(recordings, id, file, request, response, next);
  });
  serve(router, access, listRecordings, async (_request, response) => {
    const stored = await recordings.store.list({ limit: LIST_LENGTH + 1 });
    respond(response, listRecordings, 200, {
      recordings: await Promise.all(stored.slice(0, LIST_LENGTH).map((each) => files.describe(each))),
      more: stored.length > LIST_LENGTH,
      disk: await diskOf(recordings.store.root),
    });
  });
  serve(router, access, getRecording, async (request, response) => {
    const stored = await recordings.store.find(idOf(request));
    respond(response, getRecording, 200, await files.describe(stored));
  });
  serve(router, access, deleteRecording, async (request, response) => {
    await recordings.delete(idOf(request));
    access.audit(request, 'recording.delete', { recording: formatRecordingId(idOf(request)) });
    respond(response, deleteRecording, 204);
  });

  serve(router, access, getStreamRecording, async (request, response) => {
    respond(response, getStreamRecording, 200, await recordings.status(streamOf(request)));
  });
  serve(router, access, startRecording, async (request, response) => {
    const status = await recordings.start(streamOf(request));
    access.audit(request, 'recording.start', { streamId: streamOf(request) });
    respond(response, startRecording, 201, status);
  });
  serve(router, access, stopRecording, async (request, response) => {
    await recordings.stop(streamOf(request));
    access.audit(request, 'recording.stop', { streamId: streamOf(request) });
    respond(response, stopRecording, 200, await recordings.status(streamOf(request)));
  });
  return router;
}

/** Addresses of files that anybody may use who has them, for a while: a video element sends no bearer token. */
class Links {
  readonly #secret = randomBytes(32);

  make(id: RecordingId, file: string): string {
    const until = String(Math.ceil((Date.now() + LINK_MS) / LINK_MS) * LINK_MS);
    const grant = this.#sign(id, file, until).toString('base64url');
    return `/api/recordings/${formatRecordingId(id)}/files/${file}?until=${until}&grant=${grant}`;
  }

  holds(id: RecordingId, file: string, until: unknown, grant: unknown): boolean {
    if (typeof until !== 'string' || typeof grant !== 'string' || Date.now() > Number(until)) return false;
    const given = Buffer.from(grant, 'base64url');
    const right = this.#sign(id, file, until);
    return given.length === right.length && timingSafeEqual(given, right);
  }

  #sign(id: RecordingId, file: string, until: string): Buffer {
    return createHmac('sha256', this.#secret)
      .update(`${formatRecordingId(id)}/${file}?${until}`)
      .digest();
  }
}

class Files {
  readonly #recordings: Recordings;
  readonly #links: Links;

  constructor(recordings: Recordings, links: Links) {
    this.#recordings = recordings;
    this.#links = links;
  }

  async describe(stored: StoredRecording): Promise<Recording> {
    const { stream, start, metadata, problem } = stored;
    const id = { stream, start };
    const files = new Map((await this.#recordings.store.files(id)).map((file) => [file.name, file]));
    const link = (name: string | null) => (name && files.has(name) ? this.#links.make(id, name) : null);
    return {
      id: formatRecordingId(id),
      stream,
      start: metadata?.start ?? isoOf(start),
      end: metadata?.end ?? null,
      state: metadata?.state ?? 'done',
      progress: this.#recordings.progress(id)?.fraction ?? null,
      endReason: metadata?.endReason ?? '',
      verdict: metadata?.verdict ?? null,
      why: metadata?.why || problem || '',
      parts: (metadata?.parts ?? []).map((part) => {
        const name = part.file ?? part.live ?? '';
        return {
          file: name,
          bytes: part.bytes ?? files.get(name)?.bytes ?? 0,
          duration: part.duration ?? part.expected,
          codecs: part.codecs,
          width: part.width,
          height: part.height,
          verdict: part.verdict,
          why: part.why,
          url: metadata?.state === 'done' ? link(part.file ?? part.live) : null,
        };
      }),
      thumbnail: link(thumbnailName(start)),
      upload: metadata?.upload.state ?? 'off',
    };
  }
}

/** With ranges, so that players can seek (RFC 9110, section 14). The name is one that the store makes. */
async function send(
  recordings: Recordings,
  id: RecordingId,
  file: string,
  request: Request,
  response: Response,
  next: (error?: unknown) => void,
): Promise<void> {
  if (parseFileName(file)?.start !== id.start) throw notFound();
  if (request.query.download !== undefined) response.attachment(`${id.stream}-${file}`);
  response.set('Cache-Control', 'private, max-age=3600');
  response.sendFile(file, { root: recordings.store.folder(id), cacheControl: false }, (error?: Error) => {
    if (!error || response.headersSent) return;
    next('code' in error && error.code === 'ENOENT' ? notFound() : error);
  });
}

function idOf({ params }: Request): RecordingId {
  const id = parseRecordingId(`${String(params.stream)}/${String(params.start)}`);
  if (!id) throw notFound();
  return id;
}

function streamOf({ params }: Request): string {
  const parsed = streamId.safeParse(params.stream);
  if (!parsed.success)
    throw new PharosError('bad_request', parsed.error.issues[0]?.message ?? 'not a stream id');
  return parsed.data;
}

function isoOf(start: string): string {
  return start.replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:');
}

function notFound(): PharosError {
  return new PharosError('stream_not_found', 'there is no such recording, or no such file of it');
}

async function diskOf(folder: string): Promise<RecordingList['disk']> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { free: bavail * bsize, total: blocks * bsize };
  } catch {
    return null;
  }
}
