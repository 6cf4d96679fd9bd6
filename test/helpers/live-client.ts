/** A dashboard's WebSocket, as its page uses it, that keeps all that comes. */
import { type ClientOptions, WebSocket } from 'ws';
import {
  type Detail,
  type LiveMessage,
  type LiveMessageOf,
  liveMessage,
  type Parts,
  type StreamRow,
} from '../../server/protocol/live.ts';

export class LiveTestClient {
  readonly ws: WebSocket;
  readonly messages: LiveMessage[] = [];
  readonly streams = new Map<string, StreamRow>();
  parts: Partial<Parts> = {};
  detail: Detail | null | undefined;
  bytes = 0;
  /** Of the WebSocket, once it is closed. */
  readonly closed: Promise<number>;
  readonly opened: Promise<void>;

  constructor(port: number, options: ClientOptions = {}) {
    this.ws = new WebSocket(`ws://127.0.0.1:${port}/api/live`, options);
    this.ws.on('message', (data) => this.#take(String(data)));
    this.ws.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.ws.once('close', resolve));
    this.opened = new Promise((resolve) => this.ws.once('open', () => resolve()));
  }

  /** One whose key holds, with the first update. */
  static async open(port: number, key: string): Promise<LiveTestClient> {
    const client = new LiveTestClient(port);
    await client.opened;
    client.send({ type: 'hello', key });
    await client.of('update');
    return client;
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  /** The first message of this type. @throws if the connection ends before it. */
  async of<T extends LiveMessage['type']>(type: T): Promise<LiveMessageOf<T>> {
    for (;;) {
      const found = this.messages.find((message) => isOf(message, type));
      if (found && isOf(found, type)) return found;
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error(`closed before ${type}`);
      await new Promise((resolve) => this.ws.once('message', resolve).once('close', resolve));
    }
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.closed;
  }

  #take(text: string): void {
    this.bytes += text.length;
    const message = liveMessage.parse(JSON.parse(text));
    this.messages.push(message);
    if (message.type === 'stream') this.detail = message.detail;
    if (message.type !== 'update') return;
    if (message.full) this.streams.clear();
    this.parts = { ...this.parts, ...message.parts };
    for (const row of message.streams) this.streams.set(row.stream, row);
    for (const id of message.gone) this.streams.delete(id);
  }
}

function isOf<T extends LiveMessage['type']>(message: LiveMessage, type: T): message is LiveMessageOf<T> {
  return message.type === type;
}
