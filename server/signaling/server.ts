import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Config } from '../../config/schema.ts';
import type { Grants } from '../auth/grants.ts';
import { PharosError } from '../base/errors.ts';
import { addressKey, KeyedCounter, KeyedLimiter, TokenBucket } from '../base/limits.ts';
import { CLOSE_CODES, type ErrorCode } from '../protocol/codes.ts';
import type { RtpCapabilities } from '../protocol/messages.ts';
import type { Registry } from '../streams/registry.ts';
import { iceServersFor } from './ice-servers.ts';
import { startPublishing } from './publisher-session.ts';
import { clientAddress, isAllowedOrigin, isLocal } from './requester.ts';
import { Socket } from './socket.ts';
import { startWatching } from './viewer-session.ts';

type Options = {
  config: Config;
  logger: Logger;
  registry: Registry;
  grants: Grants;
  rtpCapabilities: RtpCapabilities;
  /** Where others reach the pages, if they can. */
  publicUrl: string | undefined;
};

const BURST_SECONDS = 3;

/** The WebSocket endpoint `/ws`: who may connect, from where, how often, and whether they are still there. */
export class SignalingServer {
  readonly #options: Options;
  readonly #wss: WebSocketServer;
  readonly #sockets = new Map<WebSocket, Socket>();
  readonly #answered = new WeakSet<WebSocket>();
  readonly #connections: KeyedCounter;
  readonly #joins: KeyedLimiter;
  readonly #refusals = new Map<ErrorCode, number>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(options: Options) {
    const { limits } = options.config;
    this.#options = options;
    this.#wss = new WebSocketServer({
      noServer: true,
      maxPayload: limits.messageBytes,
      perMessageDeflate: false,
      clientTracking: false,
    });
    this.#connections = new KeyedCounter(limits.connectionsPerAddress);
    this.#joins = new KeyedLimiter({ rate: limits.joinsPerAddress / 60, burst: limits.joinsPerAddress });
    this.#heartbeat = setInterval(() => this.#checkAlive(), limits.heartbeat * 1000);
  }

  /** Takes over the server's WebSocket upgrades. */
  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => this.#serverOnUpgrade(request, socket, head));
  }

  /** Figures for health and metrics. */
  snapshot(): { sockets: number; refusals: Record<string, number> } {
    return { sockets: this.#sockets.size, refusals: Object.fromEntries(this.#refusals) };
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const socket of this.#sockets.values()) {
      socket.close(CLOSE_CODES.goingAway, 'server_closing', 'the server is shutting down');
    }
    this.#wss.close();
  }

  /** Ends what clients did not close themselves. */
  terminate(): void {
    for (const ws of this.#sockets.keys()) ws.terminate();
  }

  #serverOnUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { http } = this.#options.config;
    stream.on('error', () => stream.destroy());
    if (request.url?.split('?')[0] !== '/ws') {
      refuseUpgrade(stream, '404 Not Found');
    } else if (!isAllowedOrigin(request, http)) {
      this.#count('not_allowed');
      refuseUpgrade(stream, '403 Forbidden');
    } else {
      this.#wss.handleUpgrade(request, stream, head, (ws) => this.#wssOnConnection(ws, request));
    }
  }

  #wssOnConnection(ws: WebSocket, request: IncomingMessage): void {
    const { config, grants } = this.#options;
    const address = addressKey(clientAddress(request, config.http.trustedProxies));
    const local = isLocal(request, config.http);
    const socket = this.#createSocket(ws, address, local);
    const release = this.#connections.acquire(address);
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
      keyNeeded: grants.keyNeeded({ local }),
    });
  }

  #createSocket(ws: WebSocket, address: string, local: boolean): Socket {
    const { config, logger, registry, grants, publicUrl } = this.#options;
    const { limits, media } = config;
    return new Socket({
      ws,
      logger,
      sendBuffer: limits.sendBuffer,
      messages: new TokenBucket({
        rate: limits.messagesPerSecond,
        burst: limits.messagesPerSecond * BURST_SECONDS,
        now: performance.now(),
      }),
      publish: async (request, send) => {
        this.#checkJoins(address);
        if (!grants.mayPublish({ local, key: request.key })) {
          throw new PharosError(
            'not_allowed',
            'publishing here needs the publish key; use the link that the server printed',
          );
        }
        return startPublishing(request, { registry, media, publicUrl, send });
      },
      watch: async (request, send) => {
        this.#checkJoins(address);
        return startWatching(request, { registry, send });
      },
      onRefusal: (code) => this.#count(code),
    });
  }

  #checkJoins(address: string): void {
    if (this.#joins.take(address, performance.now())) return;
    throw new PharosError('too_many_requests', 'too many joins from this address; try again in a minute');
  }

  #count(code: ErrorCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  /** A client that answered no ping since the last round is gone (RFC 6455, section 5.5.2). */
  #checkAlive(): void {
    for (const ws of this.#sockets.keys()) {
      if (!this.#answered.delete(ws)) ws.terminate();
      else ws.ping();
    }
  }
}

function refuseUpgrade(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
