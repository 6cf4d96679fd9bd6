import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { Answer, Event } from '../protocol/messages.ts';

/** Figures for all sockets together. */
export type Slowness = { eventsDropped: number; slowClosed: number };

export type OutboxOptions = {
  ws: WebSocket;
  logger: Logger;
  /** Unsent bytes at which the client is disconnected. */
  limit: number;
  slowness: Slowness;
};

/** A client is behind with more than this share of the limit unsent. */
const BEHIND = 1 / 4;

/**
 * What is sent on one WebSocket, never buffered without bound: a client that is
 * behind gets no events that the next one supersedes, and one that stays behind,
 * or comes to the limit, is disconnected.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #wasBehind = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  send(message: Answer | Event): void {
    const { ws, limit, slowness } = this.#options;
    if (ws.readyState !== ws.OPEN) return;
    if (ws.bufferedAmount > limit) {
      this.#disconnect();
    } else if (!this.#behind()) {
      this.#wasBehind = false;
      ws.send(encoded(message), { binary: false });
    } else if ('type' in message && message.type === 'viewers') {
      slowness.eventsDropped += 1;
    } else {
      ws.send(encoded(message), { binary: false });
    }
  }

  /** To be called now and then: a client that is found behind twice in a row is disconnected. */
  check(): void {
    const behind = this.#behind();
    if (behind && this.#wasBehind) this.#disconnect();
    this.#wasBehind = behind;
  }

  #behind(): boolean {
    const { ws, limit } = this.#options;
    return ws.bufferedAmount > limit * BEHIND;
  }

  #disconnect(): void {
    const { ws, logger, slowness } = this.#options;
    slowness.slowClosed += 1;
    logger.info({ bufferedBytes: ws.bufferedAmount }, 'slow client disconnected');
    ws.terminate();
  }
}

/** What goes to many is encoded for the first of them. */
const encodings = new WeakMap<Answer | Event, Buffer>();

function encoded(message: Answer | Event): Buffer {
  const known = encodings.get(message);
  if (known) return known;
  const buffer = Buffer.from(JSON.stringify(message));
  encodings.set(message, buffer);
  return buffer;
}
