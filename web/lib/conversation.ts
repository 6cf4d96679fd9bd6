import type { AnswerOf, Event, RequestType } from '../../server/protocol/messages.ts';
import { Emitter } from './emitter.ts';
import { PharosClientError, toClientError } from './errors.ts';
import { onPageLeft } from './network.ts';
import { Reconnect } from './reconnect.ts';
import { type Fields, PATIENCE, SignalClient, type Welcome } from './signal-client.ts';
import { sleep } from './sleep.ts';

/** A connection that is to replace a lost one has to open, and to resume, within this. */
const PATIENCE_ON_RESUME = 5000;
/** A connection that should be open answers within this, or is held for dead. */
export const PATIENCE_ON_CHECK = 2500;
/** So often a session's connection is looked after, in ms: one that waits for a stream hears of nothing else. */
const LOOK_AFTER = 20_000;
/** A request that kills three connections will kill the fourth. */
const MOST_CONNECTIONS = 3;

type ConversationEvents = {
  event: Event;
  /** The connection is lost, and another is on its way; false: it is there. What goes on meanwhile goes on. */
  interrupted: boolean;
  /** Once, whoever ended it. */
  close: PharosClientError;
};

/**
 * A session's requests and events, over as many connections as it takes. A lost one is replaced while the
 * session's grace time lasts; then events missed come late, and requests without an answer are made again,
 * by the same id, so that the server does each once.
 */
export class Conversation extends Emitter<ConversationEvents> {
  readonly #url: string;
  readonly #random: () => number;
  #client: SignalClient;
  /** The connection, as soon as it can be used. */
  #ready: Promise<SignalClient>;
  #session: { secret: string; grace: number } | undefined;
  #nextId = 1;
  /** Of the last numbered event. */
  #seq = 0;
  /** Present while a lost connection is replaced; ends the present pause or try, for another at once. */
  #hurry: (() => void) | undefined;
  #closed: PharosClientError | undefined;

  /** `url` is that of `/ws`, with the scheme ws(s) or http(s). */
  constructor(url: string, random: () => number = Math.random) {
    super();
    this.#url = url;
    this.#random = random;
    this.#client = new SignalClient(url);
    this.#use(this.#client);
    const client = this.#client;
    this.#ready = client.connect().then(() => client);
    this.#ready.catch(() => {});
    // Without it, a page that is kept for Back would go on watching.
    const off = onPageLeft(() => this.close(new PharosClientError('connection_lost', 'The page was left.')));
    const timer = setInterval(() => this.#lookAfter(), LOOK_AFTER);
    this.on('close', () => {
      off();
      clearInterval(timer);
    });
  }

  /** Resolves when the first connection is open and the server has said welcome. */
  connect(): Promise<Welcome> {
    return this.#client.connect();
  }

  /** Why it is over; undefined while it is not. */
  get closed(): PharosClientError | undefined {
    return this.#closed;
  }

  get interrupted(): boolean {
    return this.#hurry !== undefined;
  }

  /**
   * Resolves with the answer, which may take as long as the session lives. A connection on which it does not
   * come in `patience` ms is given up for another.
   * @throws PharosClientError what the server refused it with; why the conversation is over.
   */
  async request<T extends RequestType>(
    type: T,
    fields: Fields<T>,
    patience = PATIENCE,
  ): Promise<AnswerOf<T>> {
    const id = this.#nextId++;
    for (let connections = 1; ; connections++) {
      // Without a pause where there is a connection: what follows may be its end.
      const client = this.interrupted ? await this.#ready : this.#client;
      try {
        const answer = await client.request(id, type, fields, patience);
        this.#keepSession(answer);
        return answer;
      } catch (error) {
        const reason = toClientError(error);
        const { code } = reason;
        const unanswered = client.closed !== undefined || code === 'timeout' || code === 'connection_lost';
        if (this.#closed) throw this.#closed;
        if (!unanswered || !this.#session || connections === MOST_CONNECTIONS) throw reason;
        client.abandon(reason);
      }
    }
  }

  /** Finds out whether the connection is alive, and has it replaced if not. */
  check(): void {
    if (this.#hurry) this.#hurry();
    else this.request('ping', {}, PATIENCE_ON_CHECK).catch(() => {});
  }

  /** Finds out whether the connection answers within so many ms. If not, it is replaced; false, unless it was already. */
  async answers(patience: number): Promise<boolean> {
    const client = this.#client;
    try {
      await client.request(this.#nextId++, 'ping', {}, patience);
      return true;
    } catch (error) {
      if (this.#closed || this.interrupted || client !== this.#client) return true;
      client.abandon(toClientError(error));
      return false;
    }
  }

  /** The connection is of no use any more, or will not be for long: goes on with another one. */
  renew(): void {
    if (this.#hurry) this.#hurry();
    else if (this.#session) this.#client.abandon(new PharosClientError('timeout', 'The network changed.'));
  }

  /** If another connection is being tried for: now is a good moment. */
  hurry(): void {
    this.#hurry?.();
  }

  /** In order: the server ends what was done here at once. */
  close(reason = new PharosClientError('stopped', 'Stopped.')): void {
    this.#end(reason);
  }

  /** Patiently: a server that has much to do is not to be connected to anew by all at once. */
  #lookAfter(): void {
    if (this.#session && !this.interrupted) this.request('ping', {}).catch(() => {});
  }

  #use(client: SignalClient): void {
    client.on('event', (event) => this.#clientOnEvent(event));
    client.on('close', (error) => {
      if (client === this.#client) this.#clientOnClose(error);
    });
  }

  #keepSession(answer: AnswerOf<RequestType>): void {
    if (!('session' in answer)) return;
    this.#session = { secret: answer.session, grace: answer.grace };
    this.#seq = 0;
  }

  #clientOnEvent(event: Event): void {
    if (this.#closed) return;
    if ('seq' in event && event.seq !== undefined) {
      if (event.seq <= this.#seq) return;
      this.#seq = event.seq;
    }
    this.emit('event', event);
  }

  #clientOnClose(error: PharosClientError): void {
    if (this.#closed) return;
    // A server that closes takes its sessions with it.
    if (!this.#session || error.code === 'server_closing') {
      this.#end(error);
      return;
    }
    this.#ready = this.#mend(error, this.#session);
    this.#ready.catch(() => {});
  }

  /** Replaces the lost connection. */
  async #mend(loss: PharosClientError, session: { secret: string; grace: number }): Promise<SignalClient> {
    const lost = this.#client;
    const reconnect = new Reconnect(this.#random);
    const deadline = setTimeout(() => this.#end(loss), session.grace);
    let pause = new AbortController();
    let client: SignalClient | undefined;
    this.#hurry = () => {
      pause.abort();
      client?.close(loss);
    };
    const off = this.on('close', this.#hurry);
    this.emit('interrupted', true);
    try {
      // One that is dead without having been closed was noticed late: no time is to be lost.
      let delay = loss.code === 'timeout' ? 0 : reconnect.nextDelay();
      for (;;) {
        await sleep(delay, pause.signal);
        pause = new AbortController();
        if (this.#closed) throw this.#closed;
        client = new SignalClient(this.#url, PATIENCE_ON_RESUME);
        const resumed = await this.#resume(client, session.secret);
        if (this.#closed) throw this.#closed;
        if (resumed) {
          // Before this the server might have taken it for the end of the session.
          lost.close();
          return client;
        }
        delay = pause.signal.aborted ? 0 : reconnect.nextDelay();
      }
    } finally {
      clearTimeout(deadline);
      off();
      this.#hurry = undefined;
      if (!this.#closed) this.emit('interrupted', false);
    }
  }

  /** Whether the session goes on here. */
  async #resume(client: SignalClient, secret: string): Promise<boolean> {
    // What was missed may come in one go with the answer.
    this.#use(client);
    try {
      await client.connect();
      const fields = { session: secret, seq: this.#seq };
      const { viewers } = await client.request(this.#nextId++, 'resume', fields, PATIENCE_ON_RESUME);
      if (client.closed) return false;
      this.#client = client;
      this.#clientOnEvent({ type: 'viewers', count: viewers });
      return true;
    } catch (error) {
      const reason = toClientError(error);
      client.close(reason);
      if (reason.code === 'session_lost' || reason.code === 'server_closing') this.#end(reason);
      return false;
    }
  }

  #end(reason: PharosClientError): void {
    if (this.#closed) return;
    this.#closed = reason;
    this.#client.close(reason);
    this.emit('close', reason);
  }
}
