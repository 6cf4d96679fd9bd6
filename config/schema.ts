/**
 * Every setting: its type, default, unit and meaning. `config/pharos.yaml` shows
 * the same to operators; a test holds the two equal.
 */
import { z } from 'zod';
import { CAMERA_URL_WORDS, isCameraUrl } from '../server/base/camera-url.ts';
import { isNetwork, isProxy } from '../server/base/networks.ts';
import { STREAM_ID_PATTERN } from '../server/protocol/codes.ts';

const seconds = (min: number, max: number) => z.int().min(min).max(max).meta({ unit: 's' });
const count = (min: number, max: number) => z.int().min(min).max(max);
const port = z.int().min(0).max(65535);

/** A host source of a content security policy (CSP 3, section 2.3.1), without what could end a directive. */
const FRAME_ANCESTOR = /^(\*|self|https?:\/\/(\*\.)?[A-Za-z0-9.-]{1,253}(:(\d{1,5}|\*))?)$/;

const http = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('::')
    .describe('Address that HTTP and WebSocket listen on; "::" is every IPv6 and IPv4 address.'),
  port: port.default(3000).describe('TCP port of HTTP and WebSocket; 0 lets the system choose.'),
  publicUrl: z
    .union([z.literal(''), z.url({ protocol: /^https?$/ })])
    .default('')
    .describe(
      'Address that people reach the pages by, for printed links, when behind a proxy; empty: guessed.',
    ),
  trustedProxies: z
    .array(z.string().refine(isProxy, 'an address, a network such as "10.0.0.0/8", "loopback" or "private"'))
    .max(100)
    .default([])
    .describe(
      'Reverse proxies in front, by address or network, "loopback" or "private"; only from these is X-Forwarded-For believed.',
    ),
  allowedOrigins: z
    .array(z.string().min(1))
    .max(100)
    .default([])
    .describe(
      'Origins besides its own whose pages may open a WebSocket, e.g. "https://example.org"; "*" allows all.',
    ),
  frameAncestors: z
    .array(z.string().regex(FRAME_ANCESTOR, '"*", "self", or an origin such as "https://example.org"'))
    .max(100)
    .default(['*'])
    .describe(
      'Pages that may show the player of /embed in a frame, by origin, e.g. "https://*.example.org"; "self": our own; "*": all; empty: none.',
    ),
  tls: z
    .strictObject({
      cert: z
        .string()
        .default('')
        .describe(
          'Path of the certificate chain (PEM), from the working directory; with key, HTTPS and WSS are served. Reloaded when it changes.',
        ),
      key: z.string().default('').describe('Path of the private key (PEM).'),
    })
    .prefault({}),
});

/** Stream ids, by one or by a pattern (server/base/stream-pattern.ts). */
export const streamPatternSchema = z
  .string()
  .regex(/^[A-Za-z0-9_*-]{1,64}$/, 'a stream id in which "*" stands for any letters, digits, "-" and "_"');

/** What a grant may be for. */
export const ACTIONS = ['publish', 'watch', 'record', 'administer'] as const;

/** How much who holds a grant may take, where that is less than the server's own limits. */
export const grantLimitsSchema = z.strictObject({
  viewers: count(0, 1_000_000).optional(),
  bitrate: count(50_000, 1_000_000_000).optional(),
  streams: count(1, 100_000).optional(),
});

/** A key of the operator's own choice: an entry of `auth.keys`. */
const staticKeySchema = z.strictObject({
  name: z
    .string()
    .regex(/^(?!(publish|admin)Key$)[A-Za-z0-9_.-]{1,64}$/, '1 to 64 letters, digits, ".", "-" or "_"'),
  key: z.string().min(16).max(256),
  actions: z.array(z.enum(ACTIONS)).min(1).max(ACTIONS.length),
  streams: streamPatternSchema.default('*'),
  expires: z.iso.datetime({ offset: true }).optional(),
  limits: grantLimitsSchema.default({}),
});

const auth = z.strictObject({
  publish: z
    .enum(['local', 'key', 'open'])
    .default('local')
    .describe(
      'Who may publish: "local" = this machine without a key, others with it; "key" = all need the key; "open" = everybody.',
    ),
  publishKey: z
    .union([z.literal(''), z.string().min(16).max(256)])
    .default('')
    .describe(
      'The publish key, at least 16 characters; empty: generated at the first start and kept in dataDirectory.',
    ),
  adminKey: z
    .union([z.literal(''), z.string().min(16).max(256)])
    .default('')
    .describe(
      'The key of the administration API, at least 16 characters; empty: generated at the first start and kept in dataDirectory.',
    ),
  keys: z
    .array(staticKeySchema)
    .max(1000)
    .default([])
    .describe('Keys besides those two, each for its actions and streams only.'),
  private: z
    .array(streamPatternSchema)
    .max(1000)
    .default([])
    .describe(
      'Streams that need a grant to be watched, by id or pattern, e.g. "board-*"; all others need only the id.',
    ),
  jwt: z
    .strictObject({
      secret: z
        .union([z.literal(''), z.string().min(32).max(1024)])
        .default('')
        .describe(
          'Secret that JWTs are signed with (HS256), at least 32 characters; empty: generated at the first start and kept in dataDirectory.',
        ),
      jwksUrl: z
        .union([z.literal(''), z.url({ protocol: /^https?$/ })])
        .default('')
        .describe(
          'Address of the public keys (JWKS) of whoever signs JWTs by RS256, ES256 or EdDSA; empty: none.',
        ),
      issuer: z.string().max(256).default('').describe('What `iss` of a JWT must be; empty: not looked at.'),
      audience: z
        .string()
        .max(256)
        .default('')
        .describe(
          'What `aud` of a JWT must be or hold; empty: JWTs that have one are for others, and refused.',
        ),
    })
    .prefault({}),
  webhook: z
    .strictObject({
      url: z
        .union([z.literal(''), z.url({ protocol: /^https?$/ })])
        .default('')
        .describe(
          'Address that is asked by POST about each token that Pharos does not know itself; empty: none.',
        ),
      secret: z
        .union([z.literal(''), z.string().min(16).max(256)])
        .default('')
        .describe('The secret that these requests are signed with, at least 16 characters.'),
      timeout: count(100, 30_000)
        .default(2000)
        .meta({ unit: 'ms' })
        .describe('How long it may take to answer; then the answer is no.'),
    })
    .prefault({}),
});

const media = z.strictObject({
  workers: count(0, 128).default(0).describe('Number of mediasoup workers; 0 = one per core.'),
  portBase: port
    .min(1)
    .default(40000)
    .describe('Media port of the first worker, UDP and TCP; each further worker takes the next port.'),
  listenAddresses: z
    .array(z.string().min(1))
    .max(16)
    .default([])
    .describe('Addresses of this machine that media listens on; empty: all of them, with loopback.'),
  announcedAddress: z
    .string()
    .default('')
    .describe(
      'Address or host name that clients reach this machine by when it is behind NAT; an IP address works in more browsers than a name.',
    ),
  videoCodecs: z
    .array(z.enum(['VP8', 'H264', 'VP9', 'AV1']))
    .min(1)
    .max(4)
    .default(['VP8', 'H264'])
    .describe(
      "Video codecs carried: VP8, H264, VP9, AV1. Publishers choose among them; not every device plays VP9 or AV1, and encoding them takes more of the publisher's computer.",
    ),
  videoStartBitrate: count(50_000, 50_000_000)
    .default(2_500_000)
    .meta({ unit: 'bit/s' })
    .describe('Bitrate at which the publishing browser starts.'),
  videoMaxBitrate: count(100_000, 100_000_000)
    .default(6_000_000)
    .meta({ unit: 'bit/s' })
    .describe('The most video bitrate a publisher is asked to send; of a simulcast, in its largest picture.'),
  simulcast: z
    .boolean()
    .default(true)
    .describe(
      'Publishing browsers send their picture in up to three sizes at once, a third more in all, and each viewer gets the best that its connection carries.',
    ),
  audioBitrate: count(6_000, 510_000)
    .default(64_000)
    .meta({ unit: 'bit/s' })
    .describe('Opus bitrate that the publishing browser is asked for; twice that in stereo.'),
  opus: z
    .strictObject({
      stereo: z
        .boolean()
        .default(true)
        .describe('Sound may be sent in stereo, by a publisher who asks for it; false: always in mono.'),
      fec: z
        .boolean()
        .default(true)
        .describe(
          'Forward error correction: what is lost of sound can be told, less well, from what follows.',
        ),
      dtx: z
        .boolean()
        .default(false)
        .describe(
          'Discontinuous transmission: next to nothing is sent in silence, at the cost of the beginnings of words.',
        ),
    })
    .prefault({}),
  viewerStartBitrate: count(50_000, 100_000_000)
    .default(3_000_000)
    .meta({ unit: 'bit/s' })
    .describe('What a viewer can receive, until measured.'),
  keyFrameRequestDelay: count(0, 60_000)
    .default(500)
    .meta({ unit: 'ms' })
    .describe("Key frame requests of a stream's viewers within this time become one."),
  iceConsentTimeout: seconds(10, 60)
    .default(30)
    .describe(
      'Media without ICE consent (RFC 7675) for this long is over; by WHIP and WHEP, without any packet.',
    ),
});

const iceServer = z.strictObject({
  urls: z
    .union([z.string(), z.array(z.string()).min(1)])
    .transform((urls) => [urls].flat())
    .pipe(
      z.array(z.string().regex(/^(stuns?|turns?):\S+$/, 'stun:, stuns:, turn: or turns: and an address')),
    ),
  username: z.string().optional(),
  credential: z.string().optional(),
});

const turn = z.strictObject({
  urls: z
    .array(z.string().regex(/^turns?:\S+$/, 'turn: or turns: and an address'))
    .max(16)
    .default([])
    .describe(
      'TURN servers that share the secret (coturn: use-auth-secret), e.g. "turn:turn.example.org:3478?transport=udp".',
    ),
  secret: z
    .string()
    .default('')
    .describe('The shared secret (coturn: static-auth-secret) from which time-limited credentials are made.'),
  ttl: seconds(60, 7 * 86400)
    .default(6 * 3600)
    .describe('How long the credentials of a session are valid.'),
});

/** One camera: an entry of `cameras`, and the body of `POST /api/cameras`. */
export const cameraSchema = z.strictObject({
  stream: z.string().regex(STREAM_ID_PATTERN, '1 to 64 letters, digits, "-" or "_"'),
  url: z.string().refine(isCameraUrl, CAMERA_URL_WORDS),
  onDemand: z.boolean().default(true),
  transport: z.enum(['tcp', 'udp']).default('tcp'),
  transcode: z.enum(['never', 'auto']).default('never'),
});

const whep = z.strictObject({
  wait: seconds(0, 300)
    .default(0)
    .describe('How long a WHEP player that asks for a stream which is not live is let wait; 0: it gets 404.'),
});

const posters = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether whoever may watch a stream can have a picture of it, made when it is asked for.'),
  interval: seconds(2, 3600)
    .default(10)
    .describe(
      'The shortest time between two pictures of one stream; each asks its publisher for a key frame.',
    ),
});

/** Which streams are recorded: the first entry whose pattern the stream id matches counts. */
export const recordRuleSchema = z.strictObject({
  streams: streamPatternSchema,
  record: z.enum(['off', 'manual', 'always']),
});

const recordings = z.strictObject({
  directory: z
    .string()
    .default('')
    .describe('Where recordings are kept; empty: the folder "recordings" in dataDirectory.'),
  record: z
    .array(recordRuleSchema)
    .max(1000)
    .default([])
    .describe(
      'Which streams are recorded: "off", "manual" (when somebody asks for it) or "always"; the first entry that matches counts, "manual" if none does.',
    ),
  format: z
    .enum(['native', 'mp4'])
    .default('native')
    .describe(
      'Format of finished files: "native" = MP4 for H.264, WebM for others; "mp4" = MP4 always, for which others are encoded anew when the recording has ended.',
    ),
  maxAge: count(0, 876_000)
    .default(0)
    .meta({ unit: 'h' })
    .describe('Recordings whose end is longer ago than this are deleted; 0: never.'),
  maxTotalSize: count(0, 1_000_000_000)
    .default(0)
    .meta({ unit: 'MB' })
    .describe('While recordings are larger than this all together, the oldest is deleted; 0: never.'),
  minFree: count(0, 100_000_000)
    .default(1000)
    .meta({ unit: 'MB' })
    .describe(
      'With less free space than this where recordings are kept, none is begun and those that run are ended; 0: no limit.',
    ),
  hook: z
    .strictObject({
      url: z
        .union([z.literal(''), z.url({ protocol: /^https?$/ })])
        .default('')
        .describe('Address that is told of recordings by POST when they start, have a part, and finish.'),
      secret: z
        .union([z.literal(''), z.string().min(16).max(256)])
        .default('')
        .describe('The secret that these requests are signed with, at least 16 characters.'),
    })
    .prefault({}),
  s3: z
    .strictObject({
      bucket: z
        .string()
        .default('')
        .describe(
          'Bucket of S3-compatible storage that recordings are uploaded to when they are verified; empty: none.',
        ),
      endpoint: z
        .union([z.literal(''), z.url({ protocol: /^https?$/ })])
        .default('')
        .describe("Address of the storage; empty: Amazon's."),
      region: z.string().min(1).default('us-east-1').describe('Region of the bucket.'),
      pathStyle: z
        .boolean()
        .default(true)
        .describe(
          'The bucket stands in the path of addresses, not in the host name; false where storage wants it so.',
        ),
      prefix: z
        .string()
        .max(256)
        .default('')
        .describe('What the names of uploaded objects begin with, e.g. "pharos/".'),
      accessKey: z
        .string()
        .default('')
        .describe(
          "Access key; empty: found as Amazon's tools find it, in the environment or by the role of the machine.",
        ),
      secret: z.string().default('').describe('The secret key to the access key.'),
      deleteLocal: z
        .boolean()
        .default(false)
        .describe('Delete the local files when the storage has confirmed their checksums.'),
    })
    .prefault({}),
});

const limits = z.strictObject({
  streams: count(1, 100_000).default(200).describe('Streams live at the same time.'),
  cameras: count(0, 1000)
    .default(100)
    .describe('Cameras, those of the configuration and those added while running together.'),
  viewersPerStream: count(1, 1_000_000).default(1000).describe('Viewers of one stream.'),
  maxLoad: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.85)
    .describe(
      'How busy a media worker may be, as a share of a core, before viewers and streams are refused that would go to it.',
    ),
  waitingViewers: count(0, 1_000_000)
    .default(2000)
    .describe('Viewers waiting for streams that are not live, all together; 0: nobody waits.'),
  waitTime: seconds(1, 7 * 86400)
    .default(4 * 3600)
    .describe('How long a viewer may wait for a stream.'),
  mediaSetupTime: seconds(1, 300)
    .default(15)
    .describe('How long a client may take from its request to an established media path.'),
  sessionGrace: seconds(0, 300)
    .default(15)
    .describe('How long a session outlives its WebSocket, for a client that reconnects.'),
  publisherGrace: seconds(0, 300)
    .default(30)
    .describe(
      'How long a stream waits for its publisher that dropped out, with its viewers as they are and its recording going on.',
    ),
  streamsPerGrant: count(1, 100_000)
    .default(50)
    .describe('Streams published at the same time by one grant, or from one address where none is needed.'),
  connectionsPerAddress: count(1, 1_000_000)
    .default(500)
    .describe('Open WebSockets, WHIP and WHEP sessions of one address (IPv6: one /64).'),
  httpConnections: count(10, 1_000_000)
    .default(20_000)
    .describe('TCP connections for HTTP and WebSocket, all together; further ones are closed at once.'),
  httpConnectionsPerAddress: count(10, 1_000_000)
    .default(1000)
    .describe(
      'The same from one address (IPv6: one /64); trusted proxies may have as many as there may be at all.',
    ),
  joinsPerAddress: count(1, 1_000_000)
    .default(600)
    .describe('Publish and watch requests from one address in a minute.'),
  messageBytes: count(4096, 1_048_576)
    .default(65_536)
    .meta({ unit: 'bytes' })
    .describe('Largest signaling message; a larger one closes the connection (1009).'),
  messageFragments: count(1, 10_000)
    .default(64)
    .describe('WebSocket frames that one message may come in; more closes the connection (1008).'),
  messagesPerSecond: count(1, 10_000)
    .default(20)
    .describe(
      'Signaling messages a client may send, averaged; three times as many at once. More closes the connection (1008).',
    ),
  idleTime: seconds(1, 3600)
    .default(10)
    .describe(
      'A WebSocket on which nothing valid has been asked for this long since it was opened is closed (1008).',
    ),
  publisherBitrate: count(100_000, 1_000_000_000)
    .default(25_000_000)
    .meta({ unit: 'bit/s' })
    .describe(
      'The most that a publisher may send, sound and retransmissions included; one above it for 5 s is told, and ended after 10 s.',
    ),
  eventLoopDelay: count(20, 10_000)
    .default(200)
    .meta({ unit: 'ms' })
    .describe(
      'How late the server process may be; later for some seconds, new joins are refused until it has caught up.',
    ),
  drainTime: seconds(0, 3600)
    .default(8)
    .describe(
      'From SIGTERM to the exit at most: clients move elsewhere and recordings are finished. 0: everything is closed at once.',
    ),
  sdpBytes: count(4096, 1_048_576)
    .default(65_536)
    .meta({ unit: 'bytes' })
    .describe('Largest SDP that a WHIP or WHEP client may send.'),
  sendBuffer: count(65_536, 100_000_000)
    .default(1_048_576)
    .meta({ unit: 'bytes' })
    .describe('Unsent signaling bytes at which a slow client is disconnected.'),
  heartbeat: seconds(1, 300)
    .default(10)
    .describe('A client that has not answered a WebSocket ping for twice this long is gone.'),
});

const metrics = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address that the listener for metrics alone is on.'),
  port: port
    .default(0)
    .describe(
      'TCP port on which /metrics is answered to everybody, for Prometheus; 0: none. With the admin key it is on the port of the pages too.',
    ),
  streamLabels: z
    .boolean()
    .default(false)
    .describe(
      'Count viewers of each stream too, with its id as a label: whoever reads metrics then learns the ids.',
    ),
});

const log = z.strictObject({
  level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least level that is logged.'),
  format: z
    .enum(['auto', 'json', 'text'])
    .default('auto')
    .describe('"auto": text on a terminal, JSON lines elsewhere.'),
});

export const configSchema = z.strictObject({
  http: http.prefault({}),
  auth: auth.prefault({}),
  media: media.prefault({}),
  iceServers: z
    .array(iceServer)
    .max(16)
    .default([])
    .describe('STUN and TURN servers handed to every client as they are.'),
  turn: turn.prefault({}),
  cameras: z
    .array(cameraSchema)
    .max(1000)
    .default([])
    .describe('RTSP cameras that the server pulls, each published under its stream id.'),
  cameraNetworks: z
    .array(z.string().refine(isNetwork, 'an address or a network, e.g. "192.168.1.0/24"'))
    .max(100)
    .default([])
    .describe(
      'Private networks that cameras added while running may lie in, e.g. "192.168.1.0/24"; public addresses always may.',
    ),
  whep: whep.prefault({}),
  posters: posters.prefault({}),
  recordings: recordings.prefault({}),
  limits: limits.prefault({}),
  metrics: metrics.prefault({}),
  log: log.prefault({}),
  dataDirectory: z
    .string()
    .min(1)
    .default('data')
    .describe(
      'Where the server keeps what it generates, the keys, the cameras added while running, and recordings.',
    ),
});

export type Config = z.infer<typeof configSchema>;
export type CameraSettings = z.infer<typeof cameraSchema>;
export type RecordRule = z.infer<typeof recordRuleSchema>;
