/** The address of an RTSP camera: taken apart, put together, and shown without what is secret in it. */
import { isIP } from 'node:net';

export type CameraUrl = {
  scheme: 'rtsp' | 'rtsps';
  /** A name or an IP address, without brackets. */
  host: string;
  port: number;
  /** Not percent-encoded any more. */
  username: string;
  password: string;
  /** Path and query as they go into requests; either may hold a password too. */
  resource: string;
};

/** What a camera's address must be, in words that follow "it must be". */
export const CAMERA_URL_WORDS =
  'an rtsp:// or rtsps:// address without spaces; of user name and password, all but letters and digits is percent-encoded ("@" as %40, "#" as %23)';

const MAX_LENGTH = 2048;
/** RTSP's is RFC 7826, section 4.2; the port of RTSP over TLS is registered (322). */
const DEFAULT_PORT = { rtsp: 554, rtsps: 322 };
const HOST_NAME =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i;

/** `undefined` if it is not usable, in whatever way. */
export function parseCameraUrl(text: string): CameraUrl | undefined {
  // URL drops tabs and line breaks without a word; here they would end up in a request.
  if (text.length > MAX_LENGTH || !/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'rtsp' && scheme !== 'rtsps') return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !HOST_NAME.test(host)) return undefined;
  // "#" begins a fragment, which is never sent: most likely part of a password.
  if (text.includes('#') || url.port === '0') return undefined;
  const credentials = [url.username, url.password].map(decoded);
  const [username, password] = credentials;
  if (username === undefined || password === undefined) return undefined;
  const port = url.port === '' ? DEFAULT_PORT[scheme] : Number(url.port);
  return { scheme, host, port, username, password, resource: `${url.pathname}${url.search}` };
}

export function isCameraUrl(text: string): boolean {
  return parseCameraUrl(text) !== undefined;
}

/** All that may be shown: "rtsp://192.168.1.20:554". */
export function cameraEndpoint({ scheme, host, port }: CameraUrl): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The address as requests have it: without credentials. */
export function cameraRequestUrl(url: CameraUrl): string {
  return `${cameraEndpoint(url)}${url.resource}`;
}

/** Without control characters, which could begin another header. */
function decoded(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that are looked for
    return /[\x00-\x1f\x7f]/.test(plain) ? undefined : plain;
  } catch {
    return undefined;
  }
}
