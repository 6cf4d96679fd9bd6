/**
 * Every message of the signaling protocol, as schemas from which the types are
 * inferred. The pages import this file too, hence zod/mini: it adds a few
 * kilobytes to the bundle where zod would add many.
 * `docs/protocol.md` shows an example of each; a test holds the two together.
 */
import * as z from 'zod/mini';
import { END_REASONS, ERROR_CODES, NOTICE_CODES, STREAM_ID_PATTERN } from './codes.ts';

// --- Values -----------------------------------------------------------------

const text = (max: number) => z.string().check(z.maxLength(max));
const uint = (max: number) => z.int().check(z.minimum(0), z.maximum(max));
const list = <T extends z.core.$ZodType>(item: T, max: number) => z.array(item).check(z.maxLength(max));

export const streamId = z
  .string()
  .check(z.regex(STREAM_ID_PATTERN, 'a stream id is 1 to 64 of A-Z a-z 0-9 _ -'));
export type StreamId = z.infer<typeof streamId>;

export const mediaKind = z.enum(['audio', 'video']);
export type MediaKind = z.infer<typeof mediaKind>;

const payloadType = uint(127);
const ssrc = uint(0xffffffff);
const codecParameters = z.record(text(64), z.union([text(512), z.number(), z.boolean()]));
const rtcpFeedback = list(z.strictObject({ type: text(32), parameter: z.optional(text(32)) }), 16);

/** The RTP header extensions that mediasoup knows. */
const headerExtensionUri = z.enum([
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
  'urn:3gpp:video-orientation',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  'urn:mediasoup:params:rtp-hdrext:packet-id',
]);

export const rtpCapabilities = z.strictObject({
  codecs: list(
    z.strictObject({
      kind: mediaKind,
      mimeType: text(64),
      preferredPayloadType: payloadType,
      clockRate: uint(192_000),
      channels: z.optional(uint(8)),
      parameters: z.optional(codecParameters),
      rtcpFeedback: z.optional(rtcpFeedback),
    }),
    64,
  ),
  headerExtensions: list(
    z.strictObject({
      kind: mediaKind,
      uri: headerExtensionUri,
      preferredId: uint(255),
      preferredEncrypt: z.optional(z.boolean()),
      direction: z.optional(z.enum(['sendrecv', 'sendonly', 'recvonly', 'inactive'])),
    }),
    64,
  ),
});
export type RtpCapabilities = z.infer<typeof rtpCapabilities>;

const rtpParameters = z.strictObject({
  mid: z.optional(text(32)),
  codecs: list(
    z.strictObject({
      mimeType: text(64),
      payloadType,
      clockRate: uint(192_000),
      channels: z.optional(uint(8)),
      parameters: z.optional(codecParameters),
      rtcpFeedback: z.optional(rtcpFeedback),
    }),
    16,
  ),
  headerExtensions: z.optional(
    list(
      z.strictObject({
        uri: headerExtensionUri,
        id: uint(255),
        encrypt: z.optional(z.boolean()),
        parameters: z.optional(codecParameters),
      }),
      32,
    ),
  ),
  encodings: z.optional(
    list(
      z.strictObject({
        active: z.optional(z.boolean()),
        ssrc: z.optional(ssrc),
        rid: z.optional(text(16)),
        codecPayloadType: z.optional(payloadType),
        rtx: z.optional(z.strictObject({ ssrc })),
        dtx: z.optional(z.boolean()),
        scalabilityMode: z.optional(text(16)),
        maxBitrate: z.optional(uint(1e9)),
        maxFramerate: z.optional(uint(1000)),
        scaleResolutionDownBy: z.optional(z.number().check(z.minimum(1), z.maximum(1000))),
        adaptivePtime: z.optional(z.boolean()),
        priority: z.optional(z.enum(['very-low', 'low', 'medium', 'high'])),
        networkPriority: z.optional(z.enum(['very-low', 'low', 'medium', 'high'])),
      }),
      8,
    ),
  ),
  rtcp: z.optional(
    z.strictObject({
      cname: z.optional(text(256)),
      reducedSize: z.optional(z.boolean()),
      mux: z.optional(z.boolean()),
    }),
  ),
  msid: z.optional(text(256)),
});
export type RtpParameters = z.infer<typeof rtpParameters>;

const dtlsParameters = z.strictObject({
  role: z.optional(z.enum(['auto', 'client', 'server'])),
  fingerprints: list(
    z.strictObject({
      algorithm: z.enum(['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512']),
      value: text(256).check(
        z.regex(/^[0-9A-F]{2}(:[0-9A-F]{2})+$/i, 'a fingerprint is pairs of hex digits between colons'),
      ),
    }),
    8,
  ).check(z.minLength(1)),
});
export type DtlsParameters = z.infer<typeof dtlsParameters>;

const iceParameters = z.object({
  usernameFragment: z.string(),
  password: z.string(),
  iceLite: z.optional(z.boolean()),
});
export type IceParameters = z.infer<typeof iceParameters>;

/** One end of an ICE/DTLS transport, as the server offers it (mediasoup `WebRtcTransport`). */
const transportParameters = z.object({
  id: z.string(),
  iceParameters,
  iceCandidates: z.array(
    z.object({
      foundation: z.string(),
      priority: z.number(),
      address: z.string(),
      protocol: z.enum(['udp', 'tcp']),
      port: z.number(),
      type: z.literal('host'),
      tcpType: z.optional(z.literal('passive')),
    }),
  ),
  dtlsParameters,
});
export type TransportParameters = z.infer<typeof transportParameters>;

const consumerParameters = z.object({
  id: z.string(),
  producerId: z.string(),
  kind: mediaKind,
  rtpParameters,
  /** Of a simulcast: how many spatial layers there are, and by what each is scaled down, smallest picture first. */
  layers: z.optional(z.array(z.number())),
});
export type ConsumerParameters = z.infer<typeof consumerParameters>;

/**
 * What a stream is called, for people: one line (no controls, no separators of lines), without half
 * characters, nor what turns the direction of the text around it (UAX #9).
 */
const title = text(100).check(
  z.regex(
    /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]*$/u,
    'a title is one line without control characters',
  ),
);
/** What of a publisher's doing explains what its viewers see. */
const source = {
  /** Why it sends less than it was asked for (`RTCOutboundRtpStreamStats.qualityLimitationReason`). */
  limitation: z.enum(['none', 'cpu', 'bandwidth', 'other']),
  /** Its upload loses packets. */
  weak: z.boolean(),
};
export type Source = z.infer<z.ZodMiniObject<typeof source>>;
const tracks = {
  consumers: z.array(consumerParameters),
  /** Without it there is none. */
  title: z.optional(z.string()),
  /** Without it nothing limits the publisher. */
  source: z.optional(z.object(source)),
  /** What the stream has, but this viewer's capabilities cannot play. */
  unplayable: z.array(z.object({ kind: mediaKind, mimeType: z.string() })),
};
/** A stream's tracks as one viewer gets them. */
export type Tracks = z.infer<z.ZodMiniObject<typeof tracks>>;

/** All that a viewer needs to receive a stream: one transport and every consumer on it. */
const media = z.object({ transport: transportParameters, ...tracks });
export type Media = z.infer<typeof media>;

const notice = z.object({ code: z.enum(NOTICE_CODES), message: z.string() });
/** Something that is wrong with a stream, in a sentence for people. */
export type Notice = z.infer<typeof notice>;

const share = z.number().check(z.minimum(0), z.maximum(1));
const milliseconds = uint(600_000);
const pixels = uint(16_384);
/** How media gets through: by UDP, by TCP, or by way of a TURN server. */
const mediaPath = z.enum(['udp', 'tcp', 'relay']);

/** What a browser says of its media (W3C webrtc-stats), over some seconds, whichever way it goes. */
const flow = {
  /** Bits per second, of sound and picture together. */
  bitrate: uint(1e9),
  width: pixels,
  height: pixels,
  frameRate: z.number().check(z.minimum(0), z.maximum(1000)),
  roundTrip: milliseconds,
  /** Share of its packets that did not arrive. */
  lost: share,
  path: mediaPath,
};

/** What a publisher's browser says of its sending. */
export const sending = z.strictObject({ limitation: source.limitation, ...flow });
export type Sending = z.infer<typeof sending>;

/** What a viewer's browser says of its receiving. */
export const receiving = z.strictObject({
  /** For how long the picture stood still. */
  frozen: milliseconds,
  ...flow,
  /** It cannot decode as fast as frames come. */
  slowDecoder: z.boolean(),
});
export type Receiving = z.infer<typeof receiving>;

const iceServer = z.object({
  urls: z.array(z.string()),
  username: z.optional(z.string()),
  credential: z.optional(z.string()),
});
export type IceServer = z.infer<typeof iceServer>;

// --- Requests: client to server -----------------------------------------------

const id = uint(Number.MAX_SAFE_INTEGER);
/** A key, or a token such as a JWT. */
const key = text(4096);
const sessionSecret = text(64);
/** Numbers a session's events from 1 on. */
const seq = uint(Number.MAX_SAFE_INTEGER);

export const request = z.discriminatedUnion('type', [
  z.strictObject({
    id,
    type: z.literal('publish'),
    /** The stream id; left out, the server makes one. */
    stream: z.optional(streamId),
    /** By what it may be published, where the server asks for that. */
    key: z.optional(key),
    /** The secret of the session that published the stream: it is taken over, however alive that seems. */
    resume: z.optional(sessionSecret),
    /** What will be produced; the stream goes live when all of it is there. */
    tracks: list(mediaKind, 2).check(z.minLength(1)),
    title: z.optional(title),
  }),
  /** `key`: by what it may be watched, where the stream is private. */
  z.strictObject({ id, type: z.literal('watch'), stream: streamId, key: z.optional(key), rtpCapabilities }),
  /** Tries whether media would get through, and how much: as `publish` would, but without a stream. */
  z.strictObject({
    id,
    type: z.literal('probe'),
    stream: z.optional(streamId),
    key: z.optional(key),
  }),
  /** Goes on with a session whose connection was lost. `seq`: of the last event that came; 0: none did. */
  z.strictObject({ id, type: z.literal('resume'), session: sessionSecret, seq }),
  z.strictObject({ id, type: z.literal('connect'), dtlsParameters }),
  /** New ICE credentials for the session's transport, for another network path. */
  z.strictObject({ id, type: z.literal('restart_ice') }),
  z.strictObject({ id, type: z.literal('produce'), kind: mediaKind, rtpParameters }).check(
    z.refine(
      ({ kind, rtpParameters: { codecs } }) =>
        codecs.every(({ mimeType }) => mimeType.startsWith(`${kind}/`)),
      {
        error: 'every codec must be of the kind produced',
        path: ['rtpParameters', 'codecs'],
      },
    ),
  ),
  /** What a viewer wants: no video at all, or no spatial layer above this one (0 has the smallest picture). */
  z.strictObject({ id, type: z.literal('prefer'), video: z.boolean(), spatialLayer: z.optional(uint(7)) }),
  /** A publisher's stream is called something else from now on; '' is no title. */
  z.strictObject({ id, type: z.literal('title'), title }),
  /** A publisher's and a viewer's own statistics, every few seconds: for the other side, and for administrators. */
  z.strictObject({ id, type: z.literal('sending'), ...sending.shape }),
  z.strictObject({ id, type: z.literal('receiving'), ...receiving.shape }),
  /** A watch page's first frame, in ms from the click, or from `live` for one that waited: for statistics. */
  z.strictObject({ id, type: z.literal('first_frame'), milliseconds: uint(600_000) }),
  z.strictObject({ id, type: z.literal('stop') }),
  /** Whether the connection is alive; at any time. */
  z.strictObject({ id, type: z.literal('ping') }),
]);
export type Request = z.infer<typeof request>;
export type RequestType = Request['type'];
export const REQUEST_TYPES: readonly RequestType[] = [
  'publish',
  'watch',
  'probe',
  'resume',
  'connect',
  'restart_ice',
  'produce',
  'prefer',
  'title',
  'sending',
  'receiving',
  'first_frame',
  'stop',
  'ping',
];
export type RequestOf<T extends RequestType> = Extract<Request, { type: T }>;

// --- Answers: server to client, one for each request ---------------------------

/** What a client's session is known by, and for how long in ms it outlives its connection. */
const session = { session: z.string(), grace: z.number() };

export const answers = {
  publish: z.object({
    ...session,
    stream: streamId,
    /** Where others reach the stream, for a page that is open by a name of this machine only (localhost). */
    watchUrl: z.optional(z.string()),
    transport: transportParameters,
    /** Bits per second: where the encoder starts, and what the server takes at most. */
    videoBitrate: z.object({ start: z.number(), max: z.number() }),
    audioBitrate: z.number(),
    /** How sound is to be sent (RFC 7587). */
    opus: z.object({ stereo: z.boolean(), fec: z.boolean(), dtx: z.boolean() }),
    /** Whether the picture is to be sent in several sizes, from which each viewer gets what its downlink carries. */
    simulcast: z.boolean(),
  }),
  watch: z.discriminatedUnion('state', [
    z.object({ ...session, state: z.literal('live'), viewers: z.number(), media }),
    /** A `live` event follows when the stream goes live. */
    z.object({ ...session, state: z.literal('waiting'), notice: z.optional(notice) }),
  ]),
  /** Data may be sent on it as on a publisher's, for so long at most, and not more than so many bits per second. */
  probe: z.object({
    ...session,
    transport: transportParameters,
    /** RFC 8841. */
    sctpParameters: z.object({
      port: z.number(),
      maxSendMessageSize: z.number(),
      maxReceiveMessageSize: z.number(),
    }),
    bitrate: z.number(),
    milliseconds: z.number(),
  }),
  /** The events missed follow. A request left unanswered is sent again, as it was, and done at most once. */
  resume: z.object({ viewers: z.number() }),
  connect: z.object({}),
  restart_ice: z.object({ iceParameters }),
  produce: z.object({ producerId: z.string() }),
  prefer: z.object({}),
  title: z.object({}),
  sending: z.object({}),
  receiving: z.object({}),
  first_frame: z.object({}),
  stop: z.object({}),
  ping: z.object({}),
} as const satisfies Record<RequestType, z.core.$ZodType>;
export type AnswerOf<T extends RequestType> = z.infer<(typeof answers)[T]>;
/** The same, in a type that can be indexed by a request type not known yet. */
export const answerSchemas: { readonly [T in RequestType]: z.ZodMiniType<AnswerOf<T>> } = answers;

const errorBody = z.object({ code: z.enum(ERROR_CODES), message: z.string() });

/** `id` is that of the request; null where the request was too broken to have one. */
export const answer = z.discriminatedUnion('ok', [
  z.object({ id, ok: z.literal(true), data: z.unknown() }),
  z.object({ id: z.nullable(id), ok: z.literal(false), error: errorBody }),
]);
export type Answer = z.infer<typeof answer>;

// --- Events: server to client, unasked -----------------------------------------

/** Those of a session, which a resumed one goes on with. */
const numbered = { seq: z.optional(seq) };

export const event = z.discriminatedUnion('type', [
  /** The first message on every connection. */
  z.object({
    type: z.literal('welcome'),
    rtpCapabilities,
    iceServers: z.array(iceServer),
    /** Whether this connection may publish only with a key. */
    keyNeeded: z.boolean(),
  }),
  /** To a publisher: all declared tracks have come. To a waiting viewer: the stream went live. */
  z.object({ ...numbered, type: z.literal('live'), viewers: z.number(), media: z.optional(media) }),
  /** To a viewer: the publisher dropped out and may come back; `back`, `tracks`, `live` or `ended` follows. */
  z.object({ ...numbered, type: z.literal('away'), reason: z.enum(END_REASONS) }),
  /** To a viewer: the publisher's media comes again, by the same tracks. */
  z.object({ ...numbered, type: z.literal('back') }),
  /** To a viewer: the publisher is back. On the same transport there are these tracks instead of those before. */
  z.object({ ...numbered, type: z.literal('tracks'), viewers: z.number(), ...tracks }),
  /** The stream ended. A viewer with `waiting` gets a `live` event should it start again. */
  z.object({ ...numbered, type: z.literal('ended'), reason: z.enum(END_REASONS), waiting: z.boolean() }),
  /** To a viewer of a simulcast: the spatial layer that it gets now; null while it gets none. */
  z.object({ ...numbered, type: z.literal('layer'), spatialLayer: z.nullable(z.number()) }),
  /** To a viewer: the stream is called something else; '' has no title. */
  z.object({ ...numbered, type: z.literal('title'), title: z.string() }),
  /** To a viewer: what limits the publisher's sending, whenever that changes. */
  z.object({ type: z.literal('source'), ...source }),
  /** To a publisher, every few seconds: how its viewers fare. */
  z.object({
    type: z.literal('audience'),
    viewers: z.number(),
    /** How many get each spatial layer, smallest picture first. */
    layers: z.array(z.number()),
    /** Those that get no picture, by their own wish or for want of room. */
    audioOnly: z.number(),
    /** Of how many there are statistics from the last minute, and of those: whose picture stood still in it. */
    reporting: z.number(),
    frozen: z.number(),
    /** The server has too much to do: newcomers are refused. */
    overloaded: z.boolean(),
  }),
  /** How many watch now; at most once a second. */
  z.object({ type: z.literal('viewers'), count: z.number() }),
  /**
   * To a publisher: something about its media disturbs viewers. To a viewer: why the stream is not live;
   * without `notice` that is over.
   */
  z.object({ ...numbered, type: z.literal('notice'), notice: z.optional(notice) }),
  /**
   * The server shuts down: begin anew on another connection, `delay` ms from now, which differs from client
   * to client. Until then all goes on.
   */
  z.object({ type: z.literal('move'), delay: z.number() }),
  /** The server will close this connection, and why. */
  z.object({ type: z.literal('closing'), error: errorBody }),
]);
export type Event = z.infer<typeof event>;
export type EventOf<T extends Event['type']> = Extract<Event, { type: T }>;
