/**
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): the same streams as by
 * WebSocket, reached by HTTP and SDP. What a POST does is in publish.ts and watch.ts.
 */
import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from 'express';
import type { Config } from '../../config/schema.ts';
import type { Access } from '../auth/access.ts';
import type { Admission } from '../auth/admission.ts';
import { iceServersFor } from '../auth/ice-servers.ts';
import { clientAddress } from '../auth/requester.ts';
import { PharosError } from '../base/errors.ts';
import type { Joins } from '../metrics/joins.ts';
import { type RtpCapabilities, streamId as streamIdSchema } from '../protocol/messages.ts';
import { mostOfSizes } from '../streams/bitrates.ts';
import { type Held, held } from '../streams/context.ts';
import type { Registry } from '../streams/registry.ts';
import { iceServerLinks } from './ice-server-links.ts';
import { startPublishing } from './publish.ts';
import { readFragment } from './sdp-fragment.ts';
import { type Exchange, Session, Sessions } from './sessions.ts';
import { startWatching } from './watch.ts';

export type WhipOptions = {
  config: Config;
  registry: Registry;
  access: Access;
  admission: Admission;
  joins: Joins;
  /** What the routers carry. */
  rtpCapabilities: RtpCapabilities;
  /** Whether the media worker can send by a player's numbers (workers/media/wire.ts). */
  canPlay: boolean;
};

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const ENDPOINT_METHODS = 'OPTIONS, POST';
const SESSION_METHODS = 'DELETE, OPTIONS, PATCH';

/** A POST that has passed the checks, on its way to a session. */
type Asked = { streamId: string; offer: string; by: Held; signal: AbortSignal; onEnd: () => void };

export type Whip = {
  router: Router;
  /** Figures for health and metrics: sessions by protocol. */
  snapshot(): { whip: number; whep: number };
};

export function whip(options: WhipOptions): Whip {
  const { registry, joins, rtpCapabilities, config } = options;
  const router = Router();
  const publishing = new Sessions();
  const playing = new Sessions();
  router.use(['/whip', '/whep'], crossOrigin);
  serve(router, 'whip', publishing, options, [options.access.need('publish')], (asked) => {
    const maxVideoBitrate = (sizes: number) => mostOfSizes(config.media, sizes, asked.by.limits);
    return startPublishing({ ...asked, registry, joins, rtpCapabilities, maxVideoBitrate });
  });
  serve(router, 'whep', playing, options, [mayPlay(options), options.access.need('watch')], (asked) =>
    startWatching({ ...asked, registry, joins, rtpCapabilities, waitMs: waitMs(options, asked.streamId) }),
  );
  router.use(['/whip', '/whep'], refused(config.limits.sdpBytes));
  return { router, snapshot: () => ({ whip: publishing.size, whep: playing.size }) };
}

/** One protocol: POST makes a session, PATCH and DELETE to its URL change and end it. */
function serve(
  router: Router,
  protocol: 'whip' | 'whep',
  sessions: Sessions,
  { config, access, admission }: WhipOptions,
  mayEnter: readonly RequestHandler[],
  start: (asked: Asked) => Promise<Exchange>,
): void {
  const root = `/${protocol}`;
  const body = (type: string) => [mediaType(type), express.text({ type, limit: config.limits.sdpBytes })];

  router
    .route(`${root}/:stream`)
    .options(allow(ENDPOINT_METHODS, { 'Accept-Post': SDP }))
    .post(...mayEnter, ...body(SDP), async (request, response) => {
      const streamId = streamIdOf(request);
      const address = addressOf(request, config);
      admission.join(address);
      const leave = admission.enter(address);
      if (!leave) throw new PharosError('too_many_requests', 'too many sessions from this address');
      let secret: string | undefined;
      let over = false;
      const onEnd = () => {
        over = true;
        leave();
        if (secret) sessions.delete(secret);
      };
      const signal = hangUp(response);
      const by = held(access.grantOf(request), { protocol, address });
      const asked = { streamId, offer: textOf(request), by, signal, onEnd };
      const exchange = await start(asked).catch((error: unknown) => {
        leave();
        throw error;
      });
      const session = new Session(streamId, exchange);
      secret = sessions.add(session);
      if (over) sessions.delete(secret);
      unlessHeard(response, signal, () => exchange.stop());
      // A path, which the client resolves: behind a proxy we do not know our own name.
      response
        .status(201)
        .set({ Location: `${request.baseUrl}${root}/${streamId}/${secret}`, ETag: session.etag })
        .set('Accept-Patch', FRAGMENT);
      const links = iceServerLinks(iceServersFor(config));
      if (links.length > 0) response.set('Link', links);
      send(response, SDP, exchange.answer);
    })
    .all(notAllowed(ENDPOINT_METHODS));

  router
    .route(`${root}/:stream/:session`)
    .options(allow(SESSION_METHODS, { 'Accept-Patch': FRAGMENT }))
    .patch(...body(FRAGMENT), async (request, response) => patch(known(sessions, request), request, response))
    .delete((request, response) => {
      known(sessions, request).stop();
      response.status(200).end();
    })
    .all(notAllowed(SESSION_METHODS));
}

/**
 * Trickle ICE and ICE restarts (RFC 9725, section 4.3). Candidates need no
 * keeping: the server is ICE-lite and answers whatever address asks (RFC 8445, section 2.5).
 */
async function patch(session: Session, request: Request, response: Response): Promise<void> {
  const condition = request.get('If-Match');
  if (!condition) {
    throw new PharosError(
      'precondition_required',
      'send If-Match: the ETag of the session, or * for an ICE restart',
    );
  }
  if (!session.mayPatch()) throw new PharosError('too_many_requests', 'too many changes of this session');
  if (condition.trim() !== '*' && !condition.split(',').some((tag) => tag.trim() === session.etag)) {
    throw new PharosError(
      'precondition_failed',
      'the ICE session has been restarted since; its ETag is another',
    );
  }
  const { ice } = readFragment(textOf(request));
  if (ice === undefined || !session.isRestart(ice)) {
    response.status(204).end();
    return;
  }
  const fragment = await session.restartIce(ice);
  response.status(200).set('ETag', session.etag);
  send(response, FRAGMENT, fragment);
}

/** As bytes: Express would add a charset, which these types do not have. */
function send(response: Response, type: string, text: string): void {
  response.set('Content-Type', type).send(Buffer.from(text));
}

/** Pages of any origin may use these: nothing here goes by cookies, and what a key protects needs the key. */
function crossOrigin(_request: Request, response: Response, next: () => void): void {
  response.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': 'DELETE, OPTIONS, PATCH, POST',
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
    'Access-Control-Expose-Headers': 'Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After',
    'Access-Control-Max-Age': '86400',
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Cache-Control': 'no-store',
  });
  next();
}

function allow(methods: string, headers: Record<string, string>): RequestHandler {
  return (_request, response) => {
    response
      .status(204)
      .set({ Allow: methods, ...headers })
      .end();
  };
}

function notAllowed(methods: string): RequestHandler {
  return (request, response) => {
    response.set('Allow', methods);
    throw new PharosError('method_not_allowed', `${request.method} is not possible here, only ${methods}`);
  };
}

function mayPlay({ canPlay }: WhipOptions): RequestHandler {
  return (_request, _response, next) => {
    if (canPlay) return next();
    throw new PharosError(
      'unavailable',
      'this server runs a media worker without WHEP; its operator can build the right one by "PHAROS_WORKER_ROUTE=build npm run setup"',
    );
  };
}

function mediaType(type: string): RequestHandler {
  return (request, _response, next) => {
    const given = request.get('Content-Type')?.split(';')[0]?.trim().toLowerCase();
    if (given === type) return next();
    throw new PharosError(
      'unsupported_media_type',
      given ? `the body is ${given.slice(0, 100)}; send ${type}` : `send ${type}`,
    );
  };
}

/** Turns refusals of Express's parsers into ours. */
function refused(limit: number): ErrorRequestHandler {
  return (error: unknown, _request, _response, next) => {
    const refusal =
      typeof error === 'object' && error !== null && 'type' in error && error.type === 'entity.too.large'
        ? new PharosError('too_large', `the body is larger than ${limit} bytes`)
        : error;
    next(refusal);
  };
}

function known(sessions: Sessions, { params }: Request): Session {
  const session = sessions.get(params.stream, params.session);
  if (session) return session;
  throw new PharosError('stream_not_found', 'there is no such session; it may have ended');
}

/** A source of the server's own, such as a camera, takes a moment to start. */
const RESERVED_WAIT_MS = 10_000;

function waitMs({ config, registry }: WhipOptions, streamId: string): number {
  return Math.max(config.whep.wait * 1000, registry.isReserved(streamId) ? RESERVED_WAIT_MS : 0);
}

function streamIdOf({ params }: Request): string {
  const parsed = streamIdSchema.safeParse(params.stream);
  if (parsed.success) return parsed.data;
  throw new PharosError('bad_request', parsed.error.issues[0]?.message ?? 'not a stream id');
}

function addressOf(request: Request, config: Config): string {
  return clientAddress(request, config.http.trustedProxies);
}

/** Undefined where the body is empty. */
function textOf({ body }: Request): string {
  return typeof body === 'string' ? body : '';
}

/** A client that has hung up never learns the session's URL: nobody could end it. */
function unlessHeard(response: Response, signal: AbortSignal, stop: () => void): void {
  const look = () => {
    if (!response.writableFinished) stop();
  };
  if (signal.aborted) look();
  else signal.addEventListener('abort', look, { once: true });
}

/** Aborted when the connection is closed, or the answer is through. */
function hangUp(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}
