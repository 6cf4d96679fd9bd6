import * as z from 'zod/mini';
import { type RecordingList, recordingList } from '../../server/protocol/recordings.ts';

/** What the server refused, or that it could not be reached. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const problem = z.object({ detail: z.string() });

export class RecordingsApi {
  key: string;

  constructor(key: string) {
    this.key = key;
  }

  /** @throws ApiError */
  async list(): Promise<RecordingList> {
    return recordingList.parse(await (await this.#ask('GET', '/api/recordings')).json());
  }

  /** @throws ApiError */
  async delete(id: string): Promise<void> {
    await this.#ask('DELETE', `/api/recordings/${id}`);
  }

  async #ask(method: string, path: string): Promise<Response> {
    const response = await fetch(path, {
      method,
      headers: this.key ? { Authorization: `Bearer ${this.key}` } : {},
    }).catch(() => {
      throw new ApiError(0, 'The server cannot be reached. Trying again by itself.');
    });
    if (response.ok) return response;
    const body = problem.safeParse(await response.json().catch(() => undefined));
    throw new ApiError(response.status, body.data?.detail ?? response.statusText);
  }
}
