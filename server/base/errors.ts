import type { ErrorCode } from '../protocol/codes.ts';

/**
 * The one error class: a stable `code` and a message that is safe to show to
 * whoever caused it. Anything else that is thrown is a fault of ours; it goes
 * to the log, and the other side learns only `internal`.
 */
export class PharosError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PharosError';
    this.code = code;
  }
}

/** For the default branch of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
