/**
 * Every message of the operator's dashboard over `/api/live`, one WebSocket for each open page. The first
 * message comes from the page and holds its key; from then on it is told, once a second at most, what has
 * changed. Shared with the pages.
 */
import * as z from 'zod/mini';
import { END_REASONS, ERROR_CODES, NOTICE_CODES } from './codes.ts';
import { streamId } from './messages.ts';

/** How many viewers of a stream are told of, those in trouble first. */
export const VIEWERS_SHOWN = 200;

/** Messages from the page. */
export const liveRequest = z.discriminatedUnion('type', [
  /** `key`: the admin key, or a token to administer. The first message, within 5 s. */
  z.strictObject({
    type: z.literal('hello'),
    key: z.string().check(z.minLength(1), z.maxLength(4096)),
  }),
  /** The stream whose publisher and viewers are looked at from now on; null for none. */
  z.strictObject({ type: z.literal('open'), stream: z.nullable(streamId) }),
]);
export type LiveRequest = z.infer<typeof liveRequest>;

/** Bits per second. */
const bitrate = z.number();
const milliseconds = z.number();
/** In ms since 1970. */
const time = z.number();
const bytes = z.number();
const share = z.number();
const path = z.enum(['udp', 'tcp', 'relay']);
export type MediaPath = z.infer<typeof path>;

/** Frames a second; 0: not known. */
const picture = { width: z.number(), height: z.number(), frameRate: z.number() };

export const STREAM_STATES = [
  'live',
  /** Nothing comes from its publisher for the moment. */
  'silent',
  /** Its publisher dropped out and is waited for. */
  'away',
  /** Its publisher's tracks have not all come. */
  'starting',
  /** Nobody publishes, and some wait. */
  'waiting',
] as const;
export type StreamState = (typeof STREAM_STATES)[number];

const protocol = z.enum(['websocket', 'whip', 'whep', 'rtp']);
export type Protocol = z.infer<typeof protocol>;

const who = {
  /** Of the session, to end it by. */
  id: z.string(),
  since: time,
  protocol: z.nullable(protocol),
  address: z.string(),
  /** Who holds the grant. */
  subject: z.string(),
};

const publisherRow = z.object({
  ...who,
  /** Its home worker. */
  worker: z.number(),
  /** e.g. `VP8`, `opus`. */
  codecs: z.array(z.string()),
  /** Of a simulcast: how many sizes come. */
  layers: z.number(),
  bitrate: z.nullable(bitrate),
  /** As its browser tells, or its viewers' do, or a key frame. */
  picture: z.nullable(z.object(picture)),
  limitation: z.nullable(z.string()),
});
export type PublisherRow = z.infer<typeof publisherRow>;

const streamRow = z.object({
  stream: streamId,
  title: z.string(),
  state: z.enum(STREAM_STATES),
  since: time,
  viewers: z.number(),
  publisher: z.nullable(publisherRow),
  recording: z.boolean(),
  /** It is a camera's, which the server pulls. */
  camera: z.boolean(),
  /** How many things about its media disturb viewers. */
  notices: z.number(),
});
export type StreamRow = z.infer<typeof streamRow>;

const percentiles = z.object({ count: z.number(), p50: milliseconds, p95: milliseconds });
export type Percentiles = z.infer<typeof percentiles>;

const health = z.object({
  ready: z.boolean(),
  /** Why `/readyz` says no. */
  reason: z.nullable(z.string()),
  /** Newcomers are refused, as the process is late by so much. */
  overloaded: z.boolean(),
  eventLoopDelay: milliseconds,
});
export type Health = z.infer<typeof health>;

const totals = z.object({
  streams: z.number(),
  viewers: z.number(),
  waiting: z.number(),
  /** Of all publishers together; null until known. */
  received: z.nullable(bitrate),
  /** To all viewers together, of the last half minute, by samples; null until known. */
  sent: z.nullable(bitrate),
  connections: z.number(),
  sockets: z.number(),
  /** Of the server process. */
  memory: bytes,
  cpu: share,
});
export type Totals = z.infer<typeof totals>;

const joins = z.object({
  /** What the percentiles are of, in seconds until now. */
  window: z.number(),
  /** From the request to an established media path. */
  join: z.nullable(percentiles),
  /** From the click to the first frame, as watch pages tell it. */
  firstFrame: z.nullable(percentiles),
});
export type JoinFigures = z.infer<typeof joins>;

const refusals = z.object({
  /** What `recent` is of, in seconds until now. */
  window: z.number(),
  codes: z.array(z.object({ code: z.enum(ERROR_CODES), total: z.number(), recent: z.number() })),
});
export type Refusals = z.infer<typeof refusals>;

const worker = z.object({
  index: z.number(),
  pid: z.number(),
  /** Share of a core. */
  load: share,
  transports: z.number(),
  pipes: z.number(),
  memory: z.nullable(bytes),
});
export type Worker = z.infer<typeof worker>;

const recordings = z.object({
  recording: z.number(),
  finishing: z.number(),
  failures: z.number(),
  damaged: z.number(),
  free: z.nullable(bytes),
});

export const CAMERA_STATES = ['idle', 'connecting', 'live', 'retrying', 'failed'] as const;
const camera = z.object({
  stream: streamId,
  /** Without user name and password. */
  url: z.string(),
  source: z.enum(['config', 'api']),
  state: z.enum(CAMERA_STATES),
  since: z.string(),
  error: z.nullable(z.string()),
  viewers: z.number(),
});
export type CameraRow = z.infer<typeof camera>;

const parts = {
  health,
  totals,
  joins,
  refusals,
  /** How often live streams were not live any more, by reason. */
  ended: z.array(z.object({ reason: z.enum(END_REASONS), count: z.number() })),
  workers: z.array(worker),
  deaths: z.number(),
  recordings,
  cameras: z.array(camera),
};
/** All of the server but its streams. */
export type Parts = z.infer<z.ZodMiniObject<typeof parts>>;

const publisherDetail = z.object({
  /** By which its media comes; null where that is plain RTP on this machine. */
  path: z.nullable(path),
  /** As the server measures it, sampled; null until then. */
  measured: z.nullable(z.object({ lost: share, roundTrip: z.nullable(milliseconds), jitter: milliseconds })),
  /** Each encoding that comes, in the publisher's order. */
  encodings: z.array(
    z.object({ kind: z.enum(['audio', 'video']), rid: z.string(), bitrate, score: z.number() }),
  ),
  /** As its browser tells, in the last seconds. */
  told: z.nullable(
    z.object({ ...picture, bitrate, limitation: z.string(), roundTrip: milliseconds, lost: share }),
  ),
});
export type PublisherDetail = z.infer<typeof publisherDetail>;

export const VIEWER_STATES = ['waiting', 'connecting', 'live', 'interrupted'] as const;
const viewerRow = z.object({
  ...who,
  state: z.enum(VIEWER_STATES),
  worker: z.nullable(z.number()),
  path: z.nullable(path),
  /** Of a simulcast: the spatial layer that it gets. */
  layer: z.nullable(z.number()),
  /** mediasoup's, of 0 (nothing arrives) to 10. */
  score: z.nullable(z.number()),
  bitrate: z.nullable(bitrate),
  lost: z.nullable(share),
  roundTrip: z.nullable(milliseconds),
  picture: z.nullable(z.object(picture)),
  /** For how long its picture stood still, in its last report. */
  frozen: z.nullable(milliseconds),
  slowDecoder: z.boolean(),
  /** From 0, all is well, to 1. */
  trouble: z.number(),
});
export type ViewerRow = z.infer<typeof viewerRow>;

const audience = z.object({
  viewers: z.number(),
  /** How many are in each of VIEWER_STATES, in that order. */
  states: z.array(z.number()),
  /** How many get each spatial layer of a simulcast, smallest picture first; empty otherwise. */
  layers: z.array(z.number()),
  tcp: z.number(),
  /** Of how many there are statistics of the last half minute; of those, whose picture stood still. */
  reporting: z.number(),
  frozen: z.number(),
  slowDecoder: z.number(),
  /** In which something is wrong. */
  troubled: z.number(),
});
export type Audience = z.infer<typeof audience>;

const detail = z.object({
  publisher: z.nullable(publisherDetail),
  notices: z.array(z.object({ code: z.enum(NOTICE_CODES), message: z.string() })),
  audience,
  /** VIEWERS_SHOWN at most, those in trouble first. */
  viewers: z.array(viewerRow),
});
export type Detail = z.infer<typeof detail>;

const about = z.object({
  version: z.string(),
  node: z.string(),
  mediasoup: z.string(),
  startedAt: time,
  /** Media workers that should be running. */
  workers: z.number(),
  /** Load from which on a worker takes no more. */
  maxLoad: share,
  /** Whether WHEP players are served. */
  whep: z.boolean(),
  /** What the workers' load was before: the highest of each interval, the newest last; null: not running. */
  loads: z.object({ everyMs: z.number(), at: time, rows: z.array(z.array(z.nullable(share))) }),
});
export type About = z.infer<typeof about>;

/** Messages to the page. */
export const liveMessage = z.discriminatedUnion('type', [
  /** The key holds; an `update` with all of it follows at once. */
  z.object({ type: z.literal('welcome'), about }),
  /** What has changed: parts whole, streams one by one. `full`: forget what was known before. */
  z.object({
    type: z.literal('update'),
    at: time,
    full: z.boolean(),
    parts: z.partial(z.object(parts)),
    streams: z.array(streamRow),
    /** Streams that are no more. */
    gone: z.array(streamId),
  }),
  /** Of the stream that is looked at; null where it is no more. */
  z.object({ type: z.literal('stream'), stream: streamId, detail: z.nullable(detail) }),
  /** The server closes this connection, and why. */
  z.object({
    type: z.literal('closing'),
    error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }),
  }),
]);
export type LiveMessage = z.infer<typeof liveMessage>;
export type LiveMessageOf<T extends LiveMessage['type']> = Extract<LiveMessage, { type: T }>;

// --- What the REST API answers to the dashboard ---------------------------------

const source = z.discriminatedUnion('from', [
  z.object({ from: z.literal('default') }),
  /** `config/pharos.yaml:12` */
  z.object({ from: z.literal('file'), where: z.string() }),
  /** The variable's name. */
  z.object({ from: z.literal('environment'), where: z.string() }),
]);

export const setting = z.object({
  key: z.string(),
  env: z.string(),
  description: z.string(),
  unit: z.nullable(z.string()),
  source,
  /** Whether it is another than the default. */
  changed: z.boolean(),
  /** A secret's is never told, only whether it is set, and of a list how many entries there are. */
  secret: z.boolean(),
  set: z.boolean(),
  entries: z.nullable(z.number()),
  value: z.unknown(),
});
export type EffectiveSetting = z.infer<typeof setting>;
/** Answer of `GET /api/config`. */
export const effectiveConfig = z.object({ settings: z.array(setting) });

/** Answer of `POST /api/grants`. */
export const madeGrant = z.object({
  token: z.string(),
  /** To revoke it by. */
  jti: z.string(),
  action: z.enum(['publish', 'watch', 'record', 'administer']),
  stream: z.string(),
  subject: z.nullable(z.string()),
  expires: z.string(),
  /** What can be done with it: an address, for `link` with the token in it, else for use as a bearer token. */
  uses: z.array(z.object({ name: z.string(), url: z.string(), link: z.boolean() })),
  /** What its holder should know. */
  note: z.nullable(z.string()),
});
export type MadeGrant = z.infer<typeof madeGrant>;
