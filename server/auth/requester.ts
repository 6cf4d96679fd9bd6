import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Config } from '../../config/schema.ts';
import { inProxies } from '../base/networks.ts';
import type { Asker } from './authority.ts';

/**
 * The client's address: the socket's; or, where that is a trusted proxy, what the proxies say in
 * X-Forwarded-For. Each adds at the right whom it was asked by, so that is read from there, as far
 * as those who wrote it are trusted: what stands further left may be invented.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: readonly string[]): string {
  let address = request.socket.remoteAddress ?? '';
  if (trustedProxies.length === 0) return address;
  const isTrusted = trusted(trustedProxies);
  const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  while (isTrusted(address)) {
    const before = withoutPort(forwarded.pop()?.trim() ?? '');
    if (isIP(before) === 0) break;
    address = before;
  }
  return address;
}

/** Some proxies name the port too. */
function withoutPort(text: string): string {
  return text.replace(/^\[([^\]]*)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
}

const predicates = new WeakMap<readonly string[], (address: string) => boolean>();

/** Made once for each configuration, not for each request. */
function trusted(proxies: readonly string[]): (address: string) => boolean {
  const known = predicates.get(proxies) ?? inProxies(proxies);
  predicates.set(proxies, known);
  return known;
}

/**
 * Whether the request comes from a browser on this very machine: from a loopback
 * address, straight to a loopback name, for a page of a loopback origin. The
 * last two keep out what a reverse proxy on this machine passes on, and pages
 * that had their name rebound to 127.0.0.1.
 */
export function isLocal(request: IncomingMessage, http: Config['http']): boolean {
  const { headers, socket } = request;
  if (http.trustedProxies.length > 0 || http.publicUrl) return false;
  if (headers.forwarded || headers.via || headers['x-forwarded-for'] || headers['x-forwarded-host'])
    return false;
  return (
    isLoopbackHost(socket.remoteAddress?.replace(/^::ffff:/, '') ?? '') &&
    isLoopbackHost(hostname(`http://${headers.host ?? ''}`)) &&
    (headers.origin === undefined || isLoopbackHost(hostname(headers.origin)))
  );
}

/** The token of `Authorization: Bearer` (RFC 6750, section 2.1). */
export function bearer({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S{1,4096}) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** What is known of whoever sends this request. */
export function askerOf(request: IncomingMessage, http: Config['http']): Asker {
  const address = clientAddress(request, http.trustedProxies);
  return { token: bearer(request), address, local: isLocal(request, http) };
}

/**
 * Whether a page of this origin may open a WebSocket here (RFC 6455, section 10.2):
 * our own pages, and those that the configuration names. Programs that send no
 * Origin are not browsers, and no user's rights can be borrowed through them.
 */
export function isAllowedOrigin(request: IncomingMessage, http: Config['http']): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return true;
  if (http.allowedOrigins.includes('*') || http.allowedOrigins.includes(origin)) return true;
  if (http.publicUrl && URL.canParse(origin) && new URL(http.publicUrl).origin === origin) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}

function hostname(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
