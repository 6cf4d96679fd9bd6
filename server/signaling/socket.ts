import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import * as z from 'zod/mini';
import { assertNever, PharosError } from '../base/errors.ts';
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

/** What a client does on its connection: publish or watch. */
export type Session = {
  readonly kind: 'publish' | 'watch';
  /** Over for a reason of its own; the connection may begin anew. */
  readonly ended: boolean;
  connect(request: RequestOf<'connect'>): Promise<AnswerOf<'connect'>>;
  produce(request: RequestOf<'produce'>): Promise<AnswerOf<'produce'>>;
  firstFrame(request: RequestOf<'first_frame'>): void;
  stop(): void;
  disconnected(): void;
};

export type SocketOptions = {
  ws: WebSocket;
  logger: Logger;
  /** Messages the client may send. */
  messages: TokenBucket;
  /** Unsent bytes at which the client is disconnected. */
  sendBuffer: number;
  slowness: Slowness;
  publish: (
    request: RequestOf<'publish'>,
    send: Send,
  ) => Promise<{ session: Session; answer: AnswerOf<'publish'> }>;
  watch: (
    request: RequestOf<'watch'>,
    send: Send,
  ) => Promise<{ session: Session; answer: AnswerOf<'watch'> }>;
  onRefusal: (code: ErrorCode) => void;
};
type Send = (event: Event) => void;

/** Requests accepted and not yet answered; a client that awaits its answers never has more than a few. */
const MAX_PENDING = 32;

/**
 * One WebSocket: parses, limits, answers. Requests are worked off one after the
 * other, so a session never sees two at once; every one gets one answer.
 */
export class Socket {
  readonly #options: SocketOptions;
  readonly #outbox: Outbox;
  #session: Session | undefined;
  #work: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    const { ws, logger, sendBuffer: limit, slowness } = options;
    this.#outbox = new Outbox({ ws, logger, limit, slowness });
    ws.on('message', (data, binary) => this.#wsOnMessage(String(data), binary));
    ws.on('ping', () => this.#spend());
    ws.on('close', () => this.#wsOnClose());
    ws.on('error', (error) => logger.debug({ error: error.message }, 'socket error'));
  }

  send(message: Answer | Event): void {
    this.#outbox.send(message);
  }

  /** Disconnects a client that has been behind since the last call. */
  checkSlow(): void {
    this.#outbox.check();
  }

  /** What the client does just now. */
  get activity(): Session['kind'] | undefined {
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

  #wsOnMessage(data: string, binary: boolean): void {
    if (!this.#spend()) return;
    this.#pending += 1;
    this.#work = this.#work.then(async () => {
      const answer = binary
        ? refusal(null, 'bad_request', 'messages are JSON text, not binary')
        : await this.#reply(data);
      if (!answer.ok) this.#options.onRefusal(answer.error.code);
      this.send(answer);
      this.#pending -= 1;
    });
  }

  #wsOnClose(): void {
    // After the request in work: what it acquires is released too.
    this.#work = this.#work.then(() => {
      this.#session?.disconnected();
      this.#session = undefined;
    });
  }

  async #reply(data: string): Promise<Answer> {
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return refusal(null, 'bad_request', 'the message is not JSON');
    }
    const parsed = requestSchema.safeParse(message);
    if (!parsed.success) return malformed(message, parsed.error);
    try {
      return { id: parsed.data.id, ok: true, data: await this.#perform(parsed.data) };
    } catch (error) {
      if (error instanceof PharosError) return refusal(parsed.data.id, error.code, error.message);
      this.#options.logger.error({ err: error, request: parsed.data.type }, 'request failed');
      return refusal(parsed.data.id, 'internal', 'the server failed on this request; its log has the cause');
    }
  }

  async #perform(request: Request): Promise<AnswerOf<Request['type']>> {
    switch (request.type) {
      case 'publish':
        return this.#begin(() => this.#options.publish(request, (event) => this.send(event)));
      case 'watch':
        return this.#begin(() => this.#options.watch(request, (event) => this.send(event)));
      case 'connect':
        return this.#current().connect(request);
      case 'produce':
        return this.#current().produce(request);
      case 'first_frame':
        this.#current().firstFrame(request);
        return {};
      case 'stop':
        this.#current().stop();
        this.#session = undefined;
        return {};
      default:
        return assertNever(request);
    }
  }

  async #begin<A>(start: () => Promise<{ session: Session; answer: A }>): Promise<A> {
    if (this.#session && !this.#session.ended) {
      throw new PharosError('wrong_order', 'this connection publishes or watches already; send stop first');
    }
    const { session, answer } = await start();
    this.#session = session;
    return answer;
  }

  #current(): Session {
    if (!this.#session) throw new PharosError('wrong_order', 'send publish or watch first');
    if (this.#session.ended)
      throw new PharosError('wrong_order', 'the stream has ended; begin with publish or watch');
    return this.#session;
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
