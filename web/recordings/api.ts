import { type RecordingList, recordingList } from '../../server/protocol/recordings.ts';
import { problemOf } from '../base/problem.ts';

/** What the server refused, or that it could not be reached. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

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
    throw new ApiError(response.status, await problemOf(response));
  }
}
