import { type LiveRequest, liveMessage } from '../../server/protocol/live.ts';
import { Emitter } from '../lib/emitter.ts';
import { Reconnect } from '../lib/reconnect.ts';
import { isKnown, type Model, merged } from './model.ts';

export type FeedStatus =
  | { state: 'connecting' }
  | { state: 'live' }
  /** What is known is old; it is tried again. */
  | { state: 'lost' }
  /** The server does not tell this key anything, or not any more. */
  | { state: 'refused'; code: string; message: string };

type Events = { status: FeedStatus; model: Model };

/** What would not change by asking again. */
const FINAL = new Set(['not_allowed', 'too_many_requests', 'bad_request']);
/** The server tells something each second; after so long without it the connection is taken for lost. */
const SILENCE_MS = 8000;

/** The server's view of itself, as it changes, over one WebSocket that is opened anew when it is lost. */
export class Feed extends Emitter<Events> {
  readonly #key: string;
  readonly #reconnect = new Reconnect();
  #ws: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #opened: string | null = null;
  #closed = false;
  status: FeedStatus = { state: 'connecting' };
  model: Model = {};

  constructor(key: string) {
    super();
    this.#key = key;
    this.#connect();
  }

  /** Looks at this stream from now on, or at none. */
  open(stream: string | null): void {
    if (stream === this.#opened) return;
    this.#opened = stream;
    this.#setModel({ ...this.model, opened: undefined });
    if (this.status.state === 'live') this.#send({ type: 'open', stream });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#ws?.close();
  }

  #connect(): void {
    const ws = new WebSocket(new URL('/api/live', location.href));
    this.#ws = ws;
    this.#awaitMore();
    ws.onopen = () => this.#send({ type: 'hello', key: this.#key });
    ws.onmessage = ({ data }) => this.#wsOnMessage(String(data));
    ws.onclose = () => ws === this.#ws && this.#wsOnClose();
  }

  #wsOnMessage(data: string): void {
    const parsed = liveMessage.safeParse(JSON.parse(data));
    if (!parsed.success) return;
    const message = parsed.data;
    if (message.type === 'closing') {
      const { code, message: words } = message.error;
      if (FINAL.has(code)) this.#setStatus({ state: 'refused', code, message: words });
      return;
    }
    this.#awaitMore();
    // It is of another stream, which was looked at before.
    if (message.type === 'stream' && message.stream !== this.#opened) return;
    this.#setModel(merged(this.model, message));
    if (message.type === 'welcome' && this.#opened !== null)
      this.#send({ type: 'open', stream: this.#opened });
    if (this.status.state !== 'live' && isKnown(this.model)) {
      this.#reconnect.reset();
      this.#setStatus({ state: 'live' });
    }
  }

  #wsOnClose(): void {
    clearTimeout(this.#silence);
    if (this.#closed || this.status.state === 'refused') return;
    this.#setStatus({ state: 'lost' });
    this.#timer = setTimeout(() => this.#connect(), this.#reconnect.nextDelay());
  }

  /** A network that is gone closes nothing. */
  #awaitMore(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      const ws = this.#ws;
      this.#ws = undefined;
      ws?.close();
      this.#wsOnClose();
    }, SILENCE_MS);
  }

  #send(request: LiveRequest): void {
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(request));
  }

  #setStatus(status: FeedStatus): void {
    this.status = status;
    this.emit('status', status);
  }

  #setModel(model: Model): void {
    this.model = model;
    this.emit('model', model);
  }
}
