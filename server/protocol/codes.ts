/**
 * The stable words of the signaling protocol. Clients may act on them; the
 * sentences that come with them are for people and may change.
 */

/** What a stream id may look like: chosen ids and generated ones alike. */
export const STREAM_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** Why a request was refused, or a connection closed. */
export const ERROR_CODES = [
  /** Not JSON, a missing or malformed field, an unknown field. */
  'bad_request',
  /** `type` names no request. */
  'unknown_type',
  /** The request is known, but not possible in the session's present state. */
  'wrong_order',
  /** This takes a grant, and none was given, or none that holds. */
  'not_allowed',
  /** There is no such session, or no longer: begin anew with publish or watch. */
  'session_lost',
  /** Another publisher holds this stream id. */
  'stream_in_use',
  /** No such stream is live, and waiting for it is not possible. */
  'stream_not_found',
  /** The stream, or the waiting room, has as many viewers as it may have. */
  'full',
  /** The server carries as many streams as it may. */
  'server_full',
  /** This address has too many connections or joins too fast. */
  'too_many_requests',
  /** Nothing was asked on this connection for too long after it was opened. */
  'idle',
  /** The other end and the server share no codec for this media. */
  'unsupported_codec',
  /** The media path could not be set up (bad DTLS or RTP parameters). */
  'media_failed',
  /** No media worker is running just now; a dead one is replaced within seconds. */
  'unavailable',
  /** The server is shutting down. */
  'server_closing',
  /** A fault of the server; its log has the cause. */
  'internal',
  // --- Over HTTP only ---
  /** No grant was given, or none that holds. */
  'unauthorized',
  /** The body is larger than it may be. */
  'too_large',
  /** The body is of another media type than this address takes. */
  'unsupported_media_type',
  /** This address does not do that. */
  'method_not_allowed',
  /** The session has changed since; If-Match names another state of it. */
  'precondition_failed',
  /** If-Match is missing. */
  'precondition_required',
  /** There is too little space left. */
  'disk_full',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Why a stream ended, or is interrupted, for those who published or watched it. */
export const END_REASONS = [
  /** The publisher pressed Stop. */
  'stopped',
  /** The publisher's connection closed: page closed or reloaded, network gone. */
  'publisher_left',
  /** Media ceased: no ICE consent (RFC 7675) or DTLS closed or never came up. */
  'media_lost',
  /** The same publisher came back on another connection. */
  'taken_over',
  /** The grant by which it went on has expired or was revoked. */
  'not_allowed',
  /** An administrator ended it: the stream, or this one's part in it. */
  'removed',
  /** It sent more than it may. */
  'over_limit',
  /** The media worker process died. */
  'worker_failed',
  /** Nobody went live within the waiting time. */
  'wait_timeout',
  /** The server is shutting down. */
  'server_closing',
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** What is wrong with a stream though it goes on, or may yet come: told to its publisher, or to those who wait. */
export const NOTICE_CODES = [
  /** The encoder sends B-frames. */
  'b_frames',
  /** The encoder takes no notice of key frame requests. */
  'key_frame_ignored',
  /** The encoder sends key frames too rarely. */
  'key_frame_interval',
  /** H.264 parameter sets do not come with the key frames. */
  'parameter_sets',
  /** Some of what was offered is not carried. */
  'not_carried',
  /** More is sent than may be; if it goes on, the stream is ended. */
  'over_limit',
  /** The recording was ended: there is too little space left. */
  'recording_space',
  /** The stream is not, or no longer, recorded. */
  'recording_failed',
  /** The stream is live, but the server is as busy as it may be; there may be room in a moment. */
  'no_room',
  /** The camera cannot be reached, or went silent; it is tried again. */
  'source_unreachable',
  /** The camera refuses: its user name, password or path is wrong. */
  'source_refused',
  /** The camera sends what this server does not carry. */
  'source_unsupported',
] as const;
export type NoticeCode = (typeof NOTICE_CODES)[number];

/** WebSocket close codes (RFC 6455, section 7.4.1) as Pharos uses them. */
export const CLOSE_CODES = {
  /** The session goes on on another connection. */
  normal: 1000,
  /** The server shuts down or restarts. */
  goingAway: 1001,
  /** A flood: more messages, or more frames of one, than the limits allow; or none at all. */
  policyViolation: 1008,
  /** A frame larger than the limit. */
  messageTooBig: 1009,
  /** Too many connections from this address, try again later. */
  tryAgainLater: 1013,
} as const;
