import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Config } from '../../config/schema.ts';
import type { Admission } from '../auth/admission.ts';
import type { Authority } from '../auth/authority.ts';
import { iceServersFor } from '../auth/ice-servers.ts';
import { clientAddress, isAllowedOrigin, isLocal } from '../auth/requester.ts';
import { TokenBucket } from '../base/limits.ts';
import { refuseUpgrade } from '../base/upgrade.ts';
import type { Joins } from '../metrics/joins.ts';
import { CLOSE_CODES } from '../protocol/codes.ts';
import type { RtpCapabilities } from '../protocol/messages.ts';
import { held } from '../streams/context.ts';
import type { Registry } from '../streams/registry.ts';
import type { Slowness } from './outbox.ts';
import { probing } from './probe-session.ts';
import { publishing } from './publisher-session.ts';
import { Sessions } from './session.ts';
import { Socket } from './socket.ts';
import { watching } from './viewer-session.ts';

type Options = {
  config: Config;
  logger: Logger;
  registry: Registry;
  authority: Authority;
  admission: Admission;
  joins: Joins;
  rtpCapabilities: RtpCapabilities;
  /** Where others reach the pages, if they can. */
  publicUrl: string | undefined;
};

export type SignalingSnapshot = Slowness & {
  /** WebSockets. */
  open: number;
  /** Disconnected since they answered no ping. */
  unresponsive: number;
  /** Sessions, those whose client is just reconnecting too. */
  publishers: number;
  viewers: number;
};

const BURST_SECONDS = 3;
/** What one read of a message's bytes brings at least, on average: fewer are sent by nobody who means well. */
const BYTES_A_READ = 256;
/** In ms, for the client's part in closing; whoever takes longer is cut off. @types/ws does not know it yet. */
const CLOSING = { closeTimeout: 5000 };
const RETRY_AFTER_SECONDS = 10;
/** Publishers move before their viewers, so that these find the stream where they come to. */
const PUBLISHERS_MOVE = 0.2;

/** The WebSocket endpoint `/ws`: who may connect, from where, how often, and whether they are still there. */
export class SignalingServer {
  readonly #options: Options;
  readonly #wss: WebSocketServer;
  readonly #sockets = new Map<WebSocket, Socket>();
  readonly #sessions = new Sessions();
  readonly #answered = new WeakSet<WebSocket>();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #slowness: Slowness = { eventsDropped: 0, slowClosed: 0 };
  /** How many answered no ping. */
  #unresponsive = 0;
  #draining = false;

  constructor(options: Options) {
    const { limits } = options.config;
    this.#options = options;
    this.#wss = new WebSocketServer({
      noServer: true,
      maxPayload: limits.messageBytes,
      maxFragments: limits.messageFragments,
      maxBufferedChunks: Math.max(limits.messageFragments, limits.messageBytes / BYTES_A_READ),
      // A small message may unpack to a large one, and each connection would keep a window for it.
      perMessageDeflate: false,
      ...CLOSING,
      clientTracking: false,
    });
    this.#heartbeat = setInterval(() => this.#checkAlive(), limits.heartbeat * 1000);
  }

  /** Takes over a connection that asks to become a WebSocket. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { http } = this.#options.config;
    if (this.#draining) {
      this.#options.admission.refused('server_closing');
      refuseUpgrade(stream, `503 Service Unavailable\r\nRetry-After: ${RETRY_AFTER_SECONDS}`);
    } else if (!isAllowedOrigin(request, http)) {
      this.#options.admission.refused('not_allowed');
      refuseUpgrade(stream, '403 Forbidden');
    } else {
      this.#wss.handleUpgrade(request, stream, head, (ws) => this.#wssOnConnection(ws, request));
    }
  }

  /** Figures for health and metrics. */
  snapshot(): SignalingSnapshot {
    return {
      open: this.#sockets.size,
      publishers: this.#sessions.count('publish'),
      viewers: this.#sessions.count('watch'),
      unresponsive: this.#unresponsive,
      ...this.#slowness,
    };
  }

  /**
   * Takes no more connections, and tells the clients to move to another server: publishers first, then
   * viewers, spread over `withinMs`. Until they do, all goes on.
   */
  drain(withinMs: number): void {
    this.#draining = true;
    const early = withinMs * PUBLISHERS_MOVE;
    for (const socket of this.#sockets.values()) {
      const [from, to] = socket.activity === 'publish' ? [0, early] : [early, withinMs];
      socket.send({ type: 'move', delay: Math.round(from + Math.random() * (to - from)) });
    }
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#sessions.close();
    for (const socket of this.#sockets.values()) {
      socket.close(CLOSE_CODES.goingAway, 'server_closing', 'the server is shutting down');
    }
    this.#wss.close();
  }

  /** Ends what clients did not close themselves. */
  terminate(): void {
    for (const ws of this.#sockets.keys()) ws.terminate();
  }

  #wssOnConnection(ws: WebSocket, request: IncomingMessage): void {
    const { config, authority, admission } = this.#options;
    const address = clientAddress(request, config.http.trustedProxies);
    const local = isLocal(request, config.http);
    const socket = this.#createSocket(ws, address, local);
    const release = admission.enter(address);
    if (!release) {
      socket.close(CLOSE_CODES.tryAgainLater, 'too_many_requests', 'too many connections from this address');
      return;
    }
    this.#sockets.set(ws, socket);
    this.#answered.add(ws);
    ws.on('pong', () => this.#answered.add(ws));
    ws.on('close', () => {
      this.#sockets.delete(ws);
      release();
    });
    socket.send({
      type: 'welcome',
      rtpCapabilities: this.#options.rtpCapabilities,
      iceServers: iceServersFor(config),
      keyNeeded: authority.keyNeeded({ address, local }),
    });
  }

  #createSocket(ws: WebSocket, address: string, local: boolean): Socket {
    const { config, logger, registry, authority, admission, joins, publicUrl } = this.#options;
    const { limits, media } = config;
    const who = { protocol: 'websocket', address } as const;
    return new Socket({
      ws,
      logger,
      sendBuffer: limits.sendBuffer,
      idleMs: limits.idleTime * 1000,
      slowness: this.#slowness,
      messages: new TokenBucket({
        rate: limits.messagesPerSecond,
        burst: limits.messagesPerSecond * BURST_SECONDS,
        now: performance.now(),
      }),
      sessions: this.#sessions,
      graceMs: limits.sessionGrace * 1000,
      publish: async (request) => {
        admission.join(address);
        const asker = { token: request.key, address, local };
        const grant = await authority.authorize('publish', request.stream, asker);
        return publishing(request, { registry, joins, media, publicUrl, ...held(grant, who) });
      },
      watch: async (request) => {
        admission.join(address);
        const asker = { token: request.key, address, local };
        const grant = await authority.authorize('watch', request.stream, asker);
        return watching(request, { registry, joins, ...held(grant, who) });
      },
      probe: async (request) => {
        admission.join(address);
        const asker = { token: request.key, address, local };
        const { limits: allowed, onGrantEnd } = held(
          await authority.authorize('publish', request.stream, asker),
          who,
        );
        return probing({ registry, limits: allowed, onGrantEnd });
      },
      onRefusal: (code) => admission.refused(code),
    });
  }

  /** A client that answered no ping since the last round is gone (RFC 6455, section 5.5.2). */
  #checkAlive(): void {
    for (const [ws, socket] of this.#sockets) {
      socket.checkSlow();
      if (this.#answered.delete(ws)) {
        ws.ping();
      } else {
        this.#unresponsive += 1;
        ws.terminate();
      }
    }
  }
}
