import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Config } from '../../config/schema.ts';
import { refuseUpgrade } from '../base/upgrade.ts';
import { CLOSE_CODES, type ErrorCode } from '../protocol/codes.ts';
import type { Admission } from './admission.ts';
import { clientAddress, isAllowedOrigin, isLocal } from './requester.ts';

/** In ms, for the client's part in closing; whoever takes longer is cut off. @types/ws does not know it yet. */
const CLOSING = { closeTimeout: 5000 };

/** Where a client is. */
export type From = { address: string; local: boolean };

/** One of a client's kind, whichever protocol it speaks. */
type Client = { close(closeCode: number, code: ErrorCode, message: string): void };

type Options<C extends Client> = {
  config: Config;
  admission: Admission;
  /** Of one message, before anything of it is looked at. */
  frames: { maxPayload: number; maxFragments: number; maxBufferedChunks: number };
  /** Why nobody more may come; in s, when to ask again. Undefined: all who may. */
  unavailable(): { code: ErrorCode; retryAfter?: number } | undefined;
  create(ws: WebSocket, from: From): C;
  /** There are too many from its address: it is being closed. */
  onCrowded?(): void;
  /** It may stay. */
  onEnter?(client: C, from: From): void;
  onLeave?(client: C): void;
  /** It is looked after, every `limits.heartbeat`. */
  onHeartbeat?(client: C): void;
};

/** One path for WebSockets: who may connect, from where, how often, and whether they are still there. */
export class Endpoint<C extends Client> {
  readonly #options: Options<C>;
  readonly #wss: WebSocketServer;
  readonly #clients = new Map<WebSocket, C>();
  readonly #answered = new WeakSet<WebSocket>();
  readonly #heartbeat: NodeJS.Timeout;
  /** How many were disconnected since they answered no ping. */
  unresponsive = 0;

  constructor(options: Options<C>) {
    this.#options = options;
    this.#wss = new WebSocketServer({
      noServer: true,
      ...options.frames,
      // A small message may unpack to a large one, and each connection would keep a window for it.
      perMessageDeflate: false,
      ...CLOSING,
      clientTracking: false,
    });
    this.#heartbeat = setInterval(() => this.#checkAlive(), options.config.limits.heartbeat * 1000);
  }

  /** How many are connected. */
  get size(): number {
    return this.#clients.size;
  }

  get clients(): Iterable<C> {
    return this.#clients.values();
  }

  /** Takes over a connection that asks to become a WebSocket. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { config, admission, unavailable } = this.#options;
    const shut = unavailable();
    if (!isAllowedOrigin(request, config.http)) {
      admission.refused('not_allowed');
      refuseUpgrade(stream, '403 Forbidden');
    } else if (shut) {
      admission.refused(shut.code);
      const retry = shut.retryAfter === undefined ? '' : `\r\nRetry-After: ${shut.retryAfter}`;
      refuseUpgrade(stream, `503 Service Unavailable${retry}`);
    } else {
      this.#wss.handleUpgrade(request, stream, head, (ws) => this.#wssOnConnection(ws, request));
    }
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const client of this.#clients.values()) {
      client.close(CLOSE_CODES.goingAway, 'server_closing', 'the server is shutting down');
    }
    this.#wss.close();
  }

  /** Ends what clients did not close themselves. */
  terminate(): void {
    for (const ws of this.#clients.keys()) ws.terminate();
  }

  #wssOnConnection(ws: WebSocket, request: IncomingMessage): void {
    const { config, admission, create, onCrowded, onEnter, onLeave } = this.#options;
    const address = clientAddress(request, config.http.trustedProxies);
    const from = { address, local: isLocal(request, config.http) };
    const client = create(ws, from);
    const release = admission.enter(address);
    if (!release) {
      onCrowded?.();
      client.close(CLOSE_CODES.tryAgainLater, 'too_many_requests', 'too many connections from this address');
      return;
    }
    this.#clients.set(ws, client);
    this.#answered.add(ws);
    ws.on('pong', () => this.#answered.add(ws));
    ws.on('close', () => {
      this.#clients.delete(ws);
      release();
      onLeave?.(client);
    });
    onEnter?.(client, from);
  }

  /** A client that answered no ping since the last round is gone (RFC 6455, section 5.5.2). */
  #checkAlive(): void {
    for (const [ws, client] of this.#clients) {
      this.#options.onHeartbeat?.(client);
      if (this.#answered.delete(ws)) {
        ws.ping();
      } else {
        this.unresponsive += 1;
        ws.terminate();
      }
    }
  }
}
