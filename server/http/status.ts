import type { ErrorCode } from '../protocol/codes.ts';

/** Every refusal's HTTP status. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  unknown_type: 400,
  wrong_order: 409,
  not_allowed: 403,
  session_lost: 404,
  stream_in_use: 409,
  stream_not_found: 404,
  full: 503,
  server_full: 503,
  unavailable: 503,
  too_many_requests: 429,
  idle: 408,
  unsupported_codec: 406,
  media_failed: 422,
  server_closing: 503,
  internal: 500,
  unauthorized: 401,
  too_large: 413,
  unsupported_media_type: 415,
  method_not_allowed: 405,
  precondition_failed: 412,
  precondition_required: 428,
  disk_full: 507,
};

/** When it makes sense to ask again. */
export const RETRY_AFTER_SECONDS: Partial<Record<ErrorCode, number>> = {
  stream_not_found: 3,
  full: 30,
  server_full: 30,
  unavailable: 5,
  too_many_requests: 60,
  server_closing: 10,
};
