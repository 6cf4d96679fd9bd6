import { randomBytes } from 'node:crypto';
import { PharosError } from '../base/errors.ts';
import type { AnswerOf, Event, EventOf, RequestOf } from '../protocol/messages.ts';

/** What a client does in its session: publish, watch, or try its way to the media port. */
export type Activity = {
  readonly kind: 'publish' | 'watch' | 'probe';
  /** Over for a reason of its own. */
  readonly ended: boolean;
  /** Who watch or wait. */
  readonly viewers: number;
  connect(request: RequestOf<'connect'>): Promise<AnswerOf<'connect'>>;
  produce(request: RequestOf<'produce'>): Promise<AnswerOf<'produce'>>;
  restartIce(): Promise<AnswerOf<'restart_ice'>>;
  prefer(request: RequestOf<'prefer'>): Promise<AnswerOf<'prefer'>>;
  title(request: RequestOf<'title'>): void;
  sending(request: RequestOf<'sending'>): void;
  receiving(request: RequestOf<'receiving'>): void;
  firstFrame(request: RequestOf<'first_frame'>): void;
  /** The client asked for the end. */
  stop(): void;
  /** The client is gone. */
  left(): void;
};

/** Makes an activity, whose events go to `send`, and what of the answer is its own. */
export type Start<A> = (session: {
  readonly secret: string;
  send(event: Event): void;
}) => Promise<{ activity: Activity; answer: A }>;

/** The connection that a session is on at a time. */
export type Connection = {
  send(event: Event): void;
  /** The session goes on elsewhere. */
  sessionMoved(): void;
};

/** Requests that belong to a session. */
export type SessionRequest = RequestOf<
  | 'connect'
  | 'restart_ice'
  | 'produce'
  | 'prefer'
  | 'title'
  | 'sending'
  | 'receiving'
  | 'first_frame'
  | 'stop'
>;
type SessionAnswer = AnswerOf<SessionRequest['type']>;

/** Events kept for a client that missed them; there are few, as those that supersede each other are not numbered. */
const EVENTS_KEPT = 32;
/** More than a client has under way at a time. */
const ANSWERS_KEPT = 32;

/**
 * One client's part in a stream, which outlives its connection for a grace time: what it does, the events
 * that it may have missed, and the answers that may not have reached it.
 */
export class Session {
  /** Whoever has it may go on with the session, or take its stream over. */
  readonly secret = randomBytes(16).toString('base64url');
  readonly #onEnd: () => void;
  #activity: Activity | undefined;
  #connection: Connection | undefined;
  #work: Promise<unknown> = Promise.resolve();
  readonly #answers = new Map<number, { on: Connection | undefined; answer: Promise<SessionAnswer> }>();
  readonly #events: (Event & { seq: number })[] = [];
  #seq = 0;
  /** The last one: no other may come for long. */
  #source: EventOf<'source'> | undefined;
  #grace: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(connection: Connection, onEnd: () => void) {
    this.#connection = connection;
    this.#onEnd = onEnd;
  }

  /** @throws what `start` throws. */
  static async begin<A>(
    connection: Connection,
    start: Start<A>,
    onEnd: (session: Session) => void,
  ): Promise<{ session: Session; answer: A }> {
    const session: Session = new Session(connection, () => onEnd(session));
    const { secret } = session;
    const { activity, answer } = await start({ secret, send: (event) => session.#send(event) });
    session.#activity = activity;
    return { session, answer };
  }

  get kind(): Activity['kind'] | undefined {
    return this.#activity?.kind;
  }

  /** Over for a reason of its own; the client may begin anew. */
  get ended(): boolean {
    return this.#closed || (this.#activity?.ended ?? false);
  }

  /**
   * Does what is asked, one after the other. What was asked on an earlier connection is not done again, but
   * answered as it was then.
   */
  perform(request: SessionRequest): Promise<SessionAnswer> {
    const known = this.#answers.get(request.id);
    if (known && known.on !== this.#connection) return known.answer;
    const answer = this.#work.then(() => this.#do(request));
    this.#work = answer.catch(() => {});
    this.#answers.set(request.id, { on: this.#connection, answer });
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined && this.#answers.size > ANSWERS_KEPT) this.#answers.delete(oldest);
    return answer;
  }

  /**
   * Goes on with another connection.
   * @returns what to send on it, ahead of all else: the answer, and the events after that of number `seq`.
   * @throws PharosError `session_lost` if more was missed than is kept.
   */
  resume(connection: Connection, seq: number): { answer: AnswerOf<'resume'>; missed: Event[] } {
    const oldestKept = this.#events[0]?.seq ?? this.#seq + 1;
    if (this.#closed || seq > this.#seq || seq < oldestKept - 1) throw sessionLost();
    clearTimeout(this.#grace);
    this.#connection?.sessionMoved();
    this.#connection = connection;
    return {
      answer: { viewers: this.#activity?.viewers ?? 0 },
      missed: [...this.#events.filter((event) => event.seq > seq), ...(this.#source ? [this.#source] : [])],
    };
  }

  /** The connection was lost, not closed: the session waits, for a time in ms, to be resumed. */
  connectionLost(connection: Connection, graceMs: number): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    if (graceMs === 0) this.close();
    else this.#grace = setTimeout(() => this.close(), graceMs);
  }

  /** The client is gone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#grace);
    this.#connection = undefined;
    // After the request in work: what it acquires is released too.
    this.#work = this.#work.then(() => this.#activity?.left());
    this.#onEnd();
  }

  async #do(request: SessionRequest): Promise<SessionAnswer> {
    const activity = this.#activity;
    if (!activity || this.ended) {
      throw new PharosError('wrong_order', 'the stream has ended; begin with publish or watch');
    }
    switch (request.type) {
      case 'connect':
        return activity.connect(request);
      case 'produce':
        return activity.produce(request);
      case 'restart_ice':
        return activity.restartIce();
      case 'prefer':
        return activity.prefer(request);
      case 'title':
        activity.title(request);
        return {};
      case 'sending':
        activity.sending(request);
        return {};
      case 'receiving':
        activity.receiving(request);
        return {};
      case 'first_frame':
        activity.firstFrame(request);
        return {};
      case 'stop':
        activity.stop();
        this.close();
        return {};
    }
  }

  #send(event: Event): void {
    if (this.#closed) return;
    // These supersede each other, and one object goes to all.
    if (event.type === 'source') this.#source = event;
    if (event.type === 'viewers' || event.type === 'audience' || event.type === 'source') {
      this.#connection?.send(event);
      return;
    }
    this.#seq += 1;
    const numbered = { ...event, seq: this.#seq };
    this.#events.push(numbered);
    if (this.#events.length > EVENTS_KEPT) this.#events.shift();
    this.#connection?.send(numbered);
  }
}

/** All sessions by their secret, with a connection or without. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();

  async begin<A>(connection: Connection, start: Start<A>): Promise<{ session: Session; answer: A }> {
    const begun = await Session.begin(connection, start, ({ secret }) => this.#sessions.delete(secret));
    this.#sessions.set(begun.session.secret, begun.session);
    return begun;
  }

  /** @throws PharosError `session_lost`. */
  find(secret: string): Session {
    const session = this.#sessions.get(secret);
    if (!session) throw sessionLost();
    return session;
  }

  /** Those that publish or watch. */
  count(kind: Activity['kind']): number {
    let count = 0;
    for (const session of this.#sessions.values()) if (session.kind === kind && !session.ended) count += 1;
    return count;
  }

  close(): void {
    for (const session of [...this.#sessions.values()]) session.close();
  }
}

function sessionLost(): PharosError {
  return new PharosError('session_lost', 'there is no such session any more; begin with publish or watch');
}
