/** WebSocket upgrades of one HTTP server, by their path. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Takes over a connection that asks to become a WebSocket (RFC 6455, section 4.2). */
export type Upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => void;

export function routeUpgrades(server: Server, routes: Readonly<Record<string, Upgrade>>): void {
  const byPath = new Map(Object.entries(routes));
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    const route = byPath.get(request.url?.split('?')[0] ?? '');
    if (route) route(request, stream, head);
    else refuseUpgrade(stream, '404 Not Found');
  });
}

/** @param status With further headers, if there are any. */
export function refuseUpgrade(stream: Duplex, status: string): void {
  // Not only our half: a client that does not close its own would keep the connection.
  stream.once('finish', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
