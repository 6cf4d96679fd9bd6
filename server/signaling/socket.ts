import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import * as z from 'zod/mini';
import { PharosError } from '../base/errors.ts';
import type { TokenBucket } from '../base/limits.ts';
import { CLOSE_CODES, type ErrorCode } from '../protocol/codes.ts';
import {
  type Answer,
  type AnswerOf,
  type Event,
  REQUEST_TYPES,
  type Request,
  type RequestOf,
  request as requestSchema,
} from '../protocol/messages.ts';
import { Outbox, type Slowness } from './outbox.ts';
import type { Activity, Session, SessionRequest, Sessions, Start } from './session.ts';

/** What of an answer tells of the session itself. */
type Known = { session: string; grace: number };
type Own<T extends 'publish' | 'watch' | 'probe'> = WithoutKnown<AnswerOf<T>>;
type WithoutKnown<A> = A extends Known ? Omit<A, keyof Known> : never;

export type SocketOptions = {
  ws: WebSocket;
  logger: Logger;
  /** Messages the client may send. */
  messages: TokenBucket;
  /** Unsent bytes at which the client is disconnected. */
  sendBuffer: number;
  slowness: Slowness;
  /** How long the client may take to its first request, in ms. */
  idleMs: number;
  sessions: Sessions;
  /** How long a session outlives this connection if that is lost, in ms. */
  graceMs: number;
  publish: (request: RequestOf<'publish'>) => Promise<Start<Own<'publish'>>>;
  watch: (request: RequestOf<'watch'>) => Promise<Start<Own<'watch'>>>;
  probe: (request: RequestOf<'probe'>) => Promise<Start<Own<'probe'>>>;
  onRefusal: (code: ErrorCode) => void;
};

/** The connection broke: no Close frame came (RFC 6455, section 7.1.5). */
const BROKEN = 1006;

/** What of ws's errors is a limit of ours that was gone beyond. */
const BEYOND_LIMIT: Readonly<Record<string, ErrorCode>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'too_large',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'too_many_requests',
};

/** Requests accepted and not yet answered; a client that awaits its answers never has more than a few. */
const MAX_PENDING = 32;

/**
 * One WebSocket: parses, limits, answers. Requests are worked off one after the
 * other, so a session never sees two at once; every one gets one answer.
 */
export class Socket {
  readonly #options: SocketOptions;
  readonly #outbox: Outbox;
  readonly #idle: NodeJS.Timeout;
  #session: Session | undefined;
  #work: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    const { ws, logger, sendBuffer: limit, slowness, idleMs } = options;
    this.#outbox = new Outbox({ ws, logger, limit, slowness });
    this.#idle = setTimeout(() => this.#idleOnTimeout(), idleMs);
    ws.on('message', (data, binary) => this.#wsOnMessage(String(data), binary));
    ws.on('ping', () => this.#spend());
    ws.on('pong', () => this.#spend());
    ws.on('close', (code) => this.#wsOnClose(code));
    ws.on('error', (error) => this.#wsOnError(error));
  }

  send(message: Answer | Event): void {
    this.#outbox.send(message);
  }

  /** Disconnects a client that has been behind since the last call. */
  checkSlow(): void {
    this.#outbox.check();
  }

  /** Its session is on another connection now. */
  sessionMoved(): void {
    this.#session = undefined;
    this.close(CLOSE_CODES.normal, 'session_lost', 'this session goes on on another connection');
  }

  /** What the client does just now. */
  get activity(): Activity['kind'] | undefined {
    return this.#session?.ended === false ? this.#session.kind : undefined;
  }

  /** Tells the client why, then closes with the given WebSocket close code. */
  close(closeCode: number, code: ErrorCode, message: string): void {
    this.#options.onRefusal(code);
    this.send({ type: 'closing', error: { code, message } });
    this.#options.ws.close(closeCode, code);
  }

  /** A message's worth of the client's allowance; false, and the connection closes, when it is used up. */
  #spend(): boolean {
    const { ws, messages } = this.#options;
    if (ws.readyState !== ws.OPEN) return false;
    if (messages.take(performance.now()) && this.#pending < MAX_PENDING) return true;
    this.close(CLOSE_CODES.policyViolation, 'too_many_requests', 'too many messages in a short time');
    return false;
  }

  #idleOnTimeout(): void {
    this.close(
      CLOSE_CODES.policyViolation,
      'idle',
      'nothing was asked for too long; connect when you need it',
    );
  }

  /** ws closes the connection itself, with the close code that fits (RFC 6455, section 7.4.1). */
  #wsOnError(error: Error): void {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
    this.#options.logger.debug({ error: error.message }, 'socket error');
    if (code.startsWith('WS_ERR_')) this.#options.onRefusal(BEYOND_LIMIT[code] ?? 'bad_request');
  }

  #wsOnMessage(data: string, binary: boolean): void {
    if (!this.#spend()) return;
    this.#pending += 1;
    this.#work = this.#work.then(async () => {
      const answer = binary
        ? refusal(null, 'bad_request', 'messages are JSON text, not binary')
        : await this.#reply(data);
      if (answer && !answer.ok) this.#options.onRefusal(answer.error.code);
      if (answer) this.send(answer);
      this.#pending -= 1;
    });
  }

  #wsOnClose(code: number): void {
    const { graceMs } = this.#options;
    clearTimeout(this.#idle);
    // After the request in work: what it acquires is released too.
    this.#work = this.#work.then(() => {
      if (code === BROKEN) this.#session?.connectionLost(this, graceMs);
      else this.#session?.close();
      this.#session = undefined;
    });
  }

  /** Undefined where the answer has been sent. */
  async #reply(data: string): Promise<Answer | undefined> {
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return refusal(null, 'bad_request', 'the message is not JSON');
    }
    const parsed = requestSchema.safeParse(message);
    if (!parsed.success) return malformed(message, parsed.error);
    if (parsed.data.type !== 'ping') clearTimeout(this.#idle);
    const { id, type } = parsed.data;
    try {
      if (parsed.data.type === 'resume') return void this.#resume(parsed.data);
      return { id, ok: true, data: await this.#perform(parsed.data) };
    } catch (error) {
      if (error instanceof PharosError) return refusal(id, error.code, error.message);
      this.#options.logger.error({ err: error, request: type }, 'request failed');
      return refusal(id, 'internal', 'the server failed on this request; its log has the cause');
    }
  }

  async #perform(request: Exclude<Request, { type: 'resume' }>): Promise<AnswerOf<Request['type']>> {
    switch (request.type) {
      case 'publish':
        return this.#begin(() => this.#options.publish(request));
      case 'watch':
        return this.#begin(() => this.#options.watch(request));
      case 'probe':
        return this.#begin(() => this.#options.probe(request));
      case 'ping':
        return {};
      default:
        return this.#inSession(request);
    }
  }

  async #begin<A extends object>(permit: () => Promise<Start<A>>): Promise<A & Known> {
    const { ws, sessions, graceMs } = this.#options;
    this.#assertFree();
    const start = await permit();
    this.#session?.close();
    const { session, answer } = await sessions.begin(this, start);
    // The client has gone meanwhile, and knows of no session that it could go on with.
    if (ws.readyState !== ws.OPEN) session.close();
    this.#session = session;
    return { ...answer, session: session.secret, grace: graceMs };
  }

  #resume({ id, session: secret, seq }: RequestOf<'resume'>): void {
    this.#assertFree();
    const session = this.#options.sessions.find(secret);
    const { answer, missed } = session.resume(this, seq);
    this.#session?.close();
    this.#session = session;
    this.send({ id, ok: true, data: answer });
    for (const event of missed) this.send(event);
  }

  #assertFree(): void {
    if (this.#session && !this.#session.ended) {
      throw new PharosError('wrong_order', 'this connection publishes or watches already; send stop first');
    }
  }

  #inSession(request: SessionRequest): ReturnType<Session['perform']> {
    if (!this.#session) throw new PharosError('wrong_order', 'send publish, watch or resume first');
    return this.#session.perform(request);
  }
}

function refusal(id: number | null, code: ErrorCode, message: string): Answer {
  return { id, ok: false, error: { code, message } };
}

const envelope = z.object({ id: z.int().check(z.minimum(0)) });
const typed = z.object({ type: z.string() });

/** Says what was wrong with a message that no request schema takes. */
function malformed(message: unknown, error: z.core.$ZodError): Answer {
  const id = envelope.safeParse(message).data?.id ?? null;
  const type = typed.safeParse(message).data?.type;
  if (type !== undefined && !REQUEST_TYPES.some((known) => known === type)) {
    return refusal(id, 'unknown_type', `there is no such request; known are ${REQUEST_TYPES.join(', ')}`);
  }
  const [issue] = error.issues;
  const where = issue?.path.map(String).join('.').slice(0, 100);
  return refusal(
    id,
    'bad_request',
    where ? `${where}: ${issue?.message}` : (issue?.message ?? 'not a request'),
  );
}
