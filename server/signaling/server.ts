import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { Config } from '../../config/schema.ts';
import type { Admission } from '../auth/admission.ts';
import type { Authority } from '../auth/authority.ts';
import { Endpoint, type From } from '../auth/endpoint.ts';
import { iceServersFor } from '../auth/ice-servers.ts';
import { TokenBucket } from '../base/limits.ts';
import type { Joins } from '../metrics/joins.ts';
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
const RETRY_AFTER_SECONDS = 10;
/** Publishers move before their viewers, so that these find the stream where they come to. */
const PUBLISHERS_MOVE = 0.2;

/** The WebSocket endpoint `/ws`, by which pages publish and watch. */
export class SignalingServer {
  readonly #options: Options;
  readonly #endpoint: Endpoint<Socket>;
  readonly #sessions = new Sessions();
  readonly #slowness: Slowness = { eventsDropped: 0, slowClosed: 0 };
  #draining = false;

  constructor(options: Options) {
    const { config, admission } = options;
    const { messageBytes, messageFragments } = config.limits;
    this.#options = options;
    this.#endpoint = new Endpoint<Socket>({
      config,
      admission,
      frames: {
        maxPayload: messageBytes,
        maxFragments: messageFragments,
        maxBufferedChunks: Math.max(messageFragments, messageBytes / BYTES_A_READ),
      },
      unavailable: () =>
        this.#draining ? { code: 'server_closing', retryAfter: RETRY_AFTER_SECONDS } : undefined,
      create: (ws, from) => this.#createSocket(ws, from),
      onEnter: (socket, from) => this.#welcome(socket, from),
      onHeartbeat: (socket) => socket.checkSlow(),
    });
  }

  /** Takes over a connection that asks to become a WebSocket. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#endpoint.upgrade(request, stream, head);
  }

  /** Figures for health and metrics. */
  snapshot(): SignalingSnapshot {
    return {
      open: this.#endpoint.size,
      publishers: this.#sessions.count('publish'),
      viewers: this.#sessions.count('watch'),
      unresponsive: this.#endpoint.unresponsive,
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
    for (const socket of this.#endpoint.clients) {
      const [from, to] = socket.activity === 'publish' ? [0, early] : [early, withinMs];
      socket.send({ type: 'move', delay: Math.round(from + Math.random() * (to - from)) });
    }
  }

  close(): void {
    this.#sessions.close();
    this.#endpoint.close();
  }

  /** Ends what clients did not close themselves. */
  terminate(): void {
    this.#endpoint.terminate();
  }

  #welcome(socket: Socket, from: From): void {
    const { config, authority, rtpCapabilities } = this.#options;
    socket.send({
      type: 'welcome',
      rtpCapabilities,
      iceServers: iceServersFor(config),
      keyNeeded: authority.keyNeeded(from),
    });
  }

  #createSocket(ws: WebSocket, { address, local }: From): Socket {
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
}
