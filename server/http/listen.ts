/** The HTTP or HTTPS server itself: its socket, its certificate, its end. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { ConfigError } from '../../config/errors.ts';
import type { Config } from '../../config/schema.ts';
import { addressKey, KeyedCounter } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { inProxies } from '../base/networks.ts';
import { readCertificate, watchCertificate } from './certificate.ts';

export type Listening = {
  readonly server: Server;
  /** The one it got, where the configuration says 0. */
  readonly port: number;
  /** Resolves when every connection is closed: at once for idle ones, at the deadline for the rest. */
  close(deadlineMs?: number): Promise<void>;
  /** Figures for health and metrics. */
  snapshot(): ConnectionsSnapshot;
};

export type ConnectionsSnapshot = {
  open: number;
  /** By the limit that they would have gone beyond. */
  refused: { httpConnections: number; httpConnectionsPerAddress: number };
};

/** How many connections there may be; without, as many as the system allows. */
export type ConnectionLimits = Pick<Config['limits'], 'httpConnections' | 'httpConnectionsPerAddress'> &
  Pick<Config['http'], 'trustedProxies'>;

type HttpConfig = Pick<Config['http'], 'host' | 'port' | 'tls'>;

const CLOSE_DEADLINE_MS = 2000;
const CLOSE_IDLE_EVERY_MS = 50;
/** Request line and headers together; more is answered by 431. */
const HEADER_BYTES = 16_384;
/** Node looks for requests that take too long every 30 s, if it is not told otherwise. */
const TIMEOUTS_LOOKED_AT_MS = 2000;

/** @param section Of the configuration, that complaints name. */
export async function listen(
  app: RequestListener,
  config: HttpConfig,
  logger: Logger,
  { section = 'http', limits }: { section?: string; limits?: ConnectionLimits } = {},
): Promise<Listening> {
  const { server, stopWatching } = createEither(app, config, logger);
  setTimeouts(server);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const refused = limitConnections(server, limits);
  try {
    await bind(server, config, logger, section);
  } catch (error) {
    stopWatching();
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    server,
    port: portOf(server),
    close(deadlineMs = CLOSE_DEADLINE_MS) {
      stopWatching();
      closed ??= closeWithin(server, sockets, deadlineMs);
      return closed;
    },
    snapshot: () => ({ open: sockets.size, refused: { ...refused } }),
  };
}

function createEither(app: RequestListener, { tls }: HttpConfig, logger: Logger) {
  const parsing = { maxHeaderSize: HEADER_BYTES, connectionsCheckingInterval: TIMEOUTS_LOOKED_AT_MS };
  if (tls.cert === '') return { server: createServer(parsing, app), stopWatching: () => {} };
  const server = createTlsServer({ ...parsing, ...readCertificate(tls), handshakeTimeout: 10_000 }, app);
  const stopWatching = watchCertificate(tls, logger, (pair) => server.setSecureContext(pair));
  return { server, stopWatching };
}

/** Nobody may hold a connection by sending, or reading, ever so slowly. */
function setTimeouts(server: Server): void {
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  // Longer than the minute for which common proxies keep idle connections to us:
  // were it shorter, they would at times send a request into a closing one.
  server.keepAliveTimeout = 65_000;
  server.setTimeout(120_000);
}

/** Closes connections that there are too many of; returns how many those were. */
function limitConnections(server: Server, limits: ConnectionLimits | undefined) {
  const refused = { httpConnections: 0, httpConnectionsPerAddress: 0 };
  if (limits === undefined) return refused;
  const isProxy = inProxies(limits.trustedProxies);
  const open = new KeyedCounter(limits.httpConnectionsPerAddress);
  server.maxConnections = limits.httpConnections;
  server.on('drop', () => {
    refused.httpConnections += 1;
  });
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (isProxy(address)) return;
    const release = open.acquire(addressKey(address));
    if (release) {
      socket.once('close', release);
    } else {
      refused.httpConnectionsPerAddress += 1;
      socket.destroy();
    }
  });
  return refused;
}

async function bind(server: Server, config: HttpConfig, logger: Logger, section: string): Promise<void> {
  try {
    await bindTo(server, config.host, config.port);
  } catch (error) {
    const code = codeOf(error);
    if (config.host === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) {
      logger.info('no IPv6 on this machine, listening on IPv4 only');
      await bind(server, { ...config, host: '0.0.0.0' }, logger, section);
      return;
    }
    throw explain(error, code, config, section);
  }
}

async function bindTo(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}

function explain(error: unknown, code: unknown, { host, port }: HttpConfig, section: string): unknown {
  const complaint = (text: string) => new ConfigError(text, { cause: error });
  switch (code) {
    case 'EADDRINUSE':
      return complaint(
        `${section}.port: ${port} is in use by another program; stop it (is Pharos running already?) or choose another port, e.g. PHAROS_${section.toUpperCase()}_PORT=${port === 65535 ? 8080 : port + 1}`,
      );
    case 'EACCES':
      return complaint(
        `${section}.port: ${port} needs privileges that this process does not have; choose one from 1024 on, or grant CAP_NET_BIND_SERVICE`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return complaint(
        `${section}.host: "${host}" is not an address of this machine; use "::" for all, "127.0.0.1" for this machine only`,
      );
    default:
      return error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the HTTP server has no port');
  return address.port;
}

async function closeWithin(server: Server, sockets: Set<Socket>, deadlineMs: number): Promise<void> {
  // A connection is idle only once its response is through, so looking once is not enough.
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
  // Upgraded sockets (WebSocket) are no longer among the server's connections, hence our own set.
  const deadline = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, deadlineMs);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(idle);
  clearTimeout(deadline);
}
