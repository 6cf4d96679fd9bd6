/** One WebSocket of our signaling protocol (docs/protocol.md), from opening to closing. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
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
import { SignalRefusal } from './signal-refusal.ts';

const TIMEOUT = 10_000;

export type SignalSocketOptions = {
  onEvent: (event: Event) => void;
  /** Once, whoever closed it. */
  onClosed: (reason: Error) => void;
};

type Pending = { resolve(data: unknown): void; reject(error: Error): void };

export class SignalSocket {
  readonly #options: SignalSocketOptions;
  readonly #ws: WebSocket;
  readonly #welcome = Promise.withResolvers<EventOf<'welcome'>>();
  readonly #pending = new Map<number, Pending>();
  /** By performance.now(). */
  openedAt: number | undefined;
  #nextId = 1;
  /** Why it is about to be closed, or was: what was said first is nearest to the cause. */
  #reason: Error | undefined;

  constructor(url: URL, options: SignalSocketOptions) {
    this.#options = options;
    this.#ws = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: TIMEOUT });
    this.#ws.on('open', () => {
      this.openedAt = performance.now();
    });
    this.#ws.on('message', (data) => this.#wsOnMessage(String(data)));
    this.#ws.on('error', (error) => {
      this.#reason ??= error;
    });
    this.#ws.on('close', (code, reason) => this.#wsOnClose(code, String(reason)));
    // Whoever does not wait for the welcome hears of the loss all the same.
    this.#welcome.promise.catch(() => {});
  }

  /** Resolves with the server's first message. */
  welcome(): Promise<EventOf<'welcome'>> {
    return this.#welcome.promise;
  }

  /** Resolves with the answer's data. @throws {SignalRefusal} */
  async request<T extends RequestType>(
    type: T,
    fields: Omit<RequestOf<T>, 'id' | 'type'>,
  ): Promise<AnswerOf<T>> {
    if (this.#ws.readyState !== WebSocket.OPEN) throw this.#reason ?? new Error('the connection is closed');
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    this.#ws.send(JSON.stringify({ id, type, ...fields }));
    return answerSchemas[type].parse(await promise);
  }

  /** Resolves when it is closed at both ends. Idempotent. */
  async close(): Promise<void> {
    if (this.#ws.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#ws, 'close');
    // One that never opened says so by an error, which is no news here.
    this.#ws.close();
    await closed.catch(() => undefined);
  }

  #wsOnMessage(text: string): void {
    try {
      this.#receive(JSON.parse(text));
    } catch (error) {
      this.#reason ??= new Error(`the server sends what is not of the protocol: ${text.slice(0, 100)}`, {
        cause: error,
      });
      this.#ws.terminate();
    }
  }

  #receive(message: unknown): void {
    if (typeof message === 'object' && message !== null && 'ok' in message) {
      this.#settle(answerSchema.parse(message));
      return;
    }
    const event = eventSchema.parse(message);
    if (event.type === 'welcome') this.#welcome.resolve(event);
    else if (event.type === 'closing') this.#reason ??= new SignalRefusal(event.error);
    else this.#options.onEvent(event);
  }

  #settle(answer: Answer): void {
    // Null where a request was too broken to have one: none of ours.
    const id = answer.id ?? -1;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (answer.ok) pending?.resolve(answer.data);
    else pending?.reject(new SignalRefusal(answer.error));
  }

  #wsOnClose(code: number, text: string): void {
    this.#reason ??= new Error(
      `the server closed the connection (${[code, text].filter(Boolean).join(', ')})`,
    );
    this.#welcome.reject(this.#reason);
    for (const { reject } of this.#pending.values()) reject(this.#reason);
    this.#pending.clear();
    this.#options.onClosed(this.#reason);
  }
}
