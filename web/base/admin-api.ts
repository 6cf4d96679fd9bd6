import { problemOf } from './problem.ts';
import { t } from './text.ts';

/** By what name a tab remembers the key of the pages for operators. */
export const ADMIN_KEY = 'admin-key';

/** What the server refused, in its words, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The REST API, asked with the operator's key. */
export class AdminApi {
  key: string;

  constructor(key: string) {
    this.key = key;
  }

  /** @param body sent as JSON. @throws ApiError */
  async ask(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(path, {
      method,
      headers: {
        ...(this.key && { Authorization: `Bearer ${this.key}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch(() => {
      throw new ApiError(0, t('api.unreachable'));
    });
    if (response.ok) return response;
    throw new ApiError(response.status, await problemOf(response));
  }
}
