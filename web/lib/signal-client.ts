import * as z from 'zod/mini';
import {
  type Answer,
  type AnswerOf,
  answer as answerSchema,
  answerSchemas,
  type Event,
  type EventOf,
  event as eventSchema,
  type RequestOf,
  type RequestType,
} from '../../server/protocol/messages.ts';
import { deferred } from './deferred.ts';
import { takeEarlySocket } from './early-socket.ts';
import { Emitter } from './emitter.ts';
import { PharosClientError } from './errors.ts';

/** How long, in ms, a connection may take to open, and an answer to come. */
export const PATIENCE = 10_000;

export type Welcome = EventOf<'welcome'>;
export type Fields<T extends RequestType> = Omit<RequestOf<T>, 'id' | 'type'>;

type Pending = { settle(answer: Answer): void; fail(error: PharosClientError): void };
type SignalEvents = {
  event: Event;
  /** Once, whoever closed it. */
  close: PharosClientError;
};

/** One WebSocket to the server, from opening to closing; a new connection is a new SignalClient. */
export class SignalClient extends Emitter<SignalEvents> {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #welcome = deferred<Welcome>();
  readonly #openTimer: ReturnType<typeof setTimeout>;
  #closing: PharosClientError | undefined;
  #closed: PharosClientError | undefined;

  /** `url` is that of `/ws`, with the scheme ws(s) or http(s). */
  constructor(url: string, patience = PATIENCE) {
    super();
    const address = url.replace(/^http/, 'ws');
    const early = takeEarlySocket(address);
    this.#socket = early?.socket ?? new WebSocket(address);
    this.#socket.onmessage = (message) => this.#receive(message.data);
    // Not yet: whoever makes us listens only after this.
    queueMicrotask(() => {
      for (const data of early?.received ?? []) this.#receive(data);
    });
    this.#socket.onclose = (event) => this.#end(lost(event));
    this.#openTimer = setTimeout(
      () => this.close(new PharosClientError('timeout', 'The server did not answer.')),
      patience,
    );
    // Whoever does not wait for the welcome hears of the loss by the close event.
    this.#welcome.promise.catch(() => {});
  }

  /** Resolves when the connection is open and the server has said welcome. */
  connect(): Promise<Welcome> {
    return this.#welcome.promise;
  }

  /** Why this connection is over; undefined while it is not. */
  get closed(): PharosClientError | undefined {
    return this.#closed;
  }

  /**
   * Resolves with the answer to the request of number `id`.
   * @throws PharosClientError what the server refused it with; `timeout` without an answer in `patience` ms;
   *   why the connection is over.
   */
  request<T extends RequestType>(
    id: number,
    type: T,
    fields: Fields<T>,
    patience = PATIENCE,
  ): Promise<AnswerOf<T>> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new PharosClientError('connection_lost', 'The connection is not open.'));
    }
    const { promise, resolve, reject } = deferred<AnswerOf<T>>();
    const timer = setTimeout(() => {
      this.#pending.delete(id);
      reject(new PharosClientError('timeout', `The server did not answer "${type}" in time.`));
    }, patience);
    this.#pending.set(id, {
      settle: (answer) => {
        clearTimeout(timer);
        if (!answer.ok) return reject(new PharosClientError(answer.error.code, answer.error.message));
        const data = z.safeParse(answerSchemas[type], answer.data);
        if (data.success) resolve(data.data);
        else reject(new PharosClientError('bad_answer', `The answer to "${type}" makes no sense.`));
      },
      fail: (error) => {
        clearTimeout(timer);
        reject(error);
      },
    });
    this.#socket.send(JSON.stringify({ id, type, ...fields }));
    return promise;
  }

  /** In order, by a closing handshake: the server then ends what was done here at once. */
  close(reason = new PharosClientError('stopped', 'Stopped.')): void {
    this.#end(reason);
    this.#socket.close();
  }

  /** Makes no more use of it, without a word to the server: its session goes on elsewhere. `close()` comes later. */
  abandon(reason: PharosClientError): void {
    this.#end(reason);
  }

  #receive(data: unknown): void {
    if (this.#closed || typeof data !== 'string') return;
    const message = parseJson(data);
    const answer = z.safeParse(answerSchema, message);
    if (answer.success) {
      this.#answered(answer.data);
      return;
    }
    // What is neither is from a newer server: an event we can do without.
    const event = z.safeParse(eventSchema, message);
    if (event.success) this.#happened(event.data);
  }

  #answered(answer: Answer): void {
    if (answer.id === null) return;
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    pending?.settle(answer);
  }

  #happened(event: Event): void {
    if (event.type === 'welcome') {
      clearTimeout(this.#openTimer);
      this.#welcome.resolve(event);
    }
    if (event.type === 'closing') {
      this.#closing = new PharosClientError(event.error.code, event.error.message);
    }
    this.emit('event', event);
  }

  #end(cause: PharosClientError): void {
    if (this.#closed) return;
    const error = this.#closing ?? cause;
    this.#closed = error;
    clearTimeout(this.#openTimer);
    this.#welcome.reject(error);
    for (const pending of this.#pending.values()) pending.fail(error);
    this.#pending.clear();
    this.emit('close', error);
  }
}

function lost(event: CloseEvent): PharosClientError {
  const why = event.reason ? `: ${event.reason}` : '';
  return new PharosClientError('connection_lost', `The connection to the server was lost${why}.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
