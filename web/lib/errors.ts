import type { EndReason, ErrorCode } from '../../server/protocol/codes.ts';

/** What can go wrong on this side of the wire. */
export type LocalErrorCode =
  /** The socket could not be opened, or closed. */
  | 'connection_lost'
  /** The server did not answer in time. */
  | 'timeout'
  /** The server said something this version does not understand. */
  | 'bad_answer'
  /** No WebRTC here, or too old a browser. */
  | 'unsupported_browser'
  /** Signaling works, but media never came through: a firewall, mostly. */
  | 'media_unreachable'
  /** The server shuts down, and told us to go on by way of another. */
  | 'moved'
  /** The stream is over; the reason is in `StreamEnded`. */
  | 'stream_ended'
  /** `stop()` was called, or another `watch()` or `publish()`. */
  | 'stopped';

export class PharosClientError extends Error {
  readonly code: ErrorCode | LocalErrorCode;

  constructor(code: ErrorCode | LocalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PharosClientError';
    this.code = code;
  }
}

export class StreamEnded extends PharosClientError {
  readonly reason: EndReason;

  constructor(reason: EndReason) {
    super('stream_ended', `The stream has ended (${reason}).`);
    this.reason = reason;
  }
}

/** What mediasoup-client or the browser throws is always about setting up media. */
export function toClientError(cause: unknown): PharosClientError {
  if (cause instanceof PharosClientError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new PharosClientError('media_failed', message, { cause });
}
