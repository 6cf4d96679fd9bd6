import type { IncomingMessage } from 'node:http';
import { type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import type { Config } from '../../config/schema.ts';

/** What our pages use, for themselves only; everything else is off in every frame. */
const PERMISSIONS = [
  'camera=(self)',
  'microphone=(self)',
  'display-capture=(self)',
  'autoplay=(self)',
  'fullscreen=(self)',
  'picture-in-picture=(self)',
  'screen-wake-lock=(self)',
  'geolocation=()',
  'payment=()',
  'usb=()',
].join(', ');

/** The player in a frame of somebody else's page: it plays, and no more. */
const EMBED = /^\/embed\//;
const EMBED_PERMISSIONS = PERMISSIONS.replace(/(camera|microphone|display-capture)=\(self\)/g, '$1=()');

const YEAR_SECONDS = 365 * 86_400;

export function securityHeaders({ tls, frameAncestors }: Config['http']): Router {
  const withTls = tls.cert !== '';
  // On plain HTTP browsers ignore it, and behind a proxy it is the proxy's to say.
  const strictTransportSecurity = withTls && { maxAge: YEAR_SECONDS, includeSubDomains: false };
  const router = Router();
  const forPages = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: policy(withTls, ["'self'"]) },
    strictTransportSecurity,
  });
  const forFrames = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: policy(withTls, ancestors(frameAncestors)) },
    strictTransportSecurity,
    // It knows no list of origins; browsers heed the policy's.
    xFrameOptions: false,
    crossOriginResourcePolicy: { policy: 'cross-origin' },
  });
  const headers: RequestHandler = (request, response, next) => {
    const framed = EMBED.test(request.path);
    response.set('Permissions-Policy', framed ? EMBED_PERMISSIONS : PERMISSIONS);
    (framed ? forFrames : forPages)(request, response, next);
  };
  router.use(headers);
  return router;
}

/** No `upgrade-insecure-requests`: in a LAN without TLS it would break every page. */
function policy(withTls: boolean, frameAncestors: readonly string[]) {
  return {
    'default-src': ["'self'"],
    'script-src': ["'self'"],
    'style-src': ["'self'"],
    'img-src': ["'self'", 'data:', 'blob:'],
    'media-src': ["'self'", 'blob:'],
    'connect-src': ["'self'", (request: IncomingMessage) => webSocketSources(request, withTls)],
    'worker-src': ["'self'", 'blob:'],
    'object-src': ["'none'"],
    'base-uri': ["'none'"],
    'frame-ancestors': frameAncestors,
    'form-action': ["'self'"],
  };
}

function ancestors(origins: readonly string[]): readonly string[] {
  if (origins.length === 0) return ["'none'"];
  return origins.map((origin) => (origin === 'self' ? "'self'" : origin));
}

/** A name or an address with an optional port, and nothing that could end a directive. */
const HOST = /^([a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?$/i;

/** Safari before 15.4 does not count ws:// as 'self'. Without TLS here, a proxy may still add it. */
function webSocketSources({ headers: { host = '' } }: IncomingMessage, withTls: boolean): string {
  if (!HOST.test(host)) return "'self'";
  return withTls ? `wss://${host}` : `ws://${host} wss://${host}`;
}
