/** POSTs of ours to a program of the operator's, signed so that it knows who asks. */
import { createHmac } from 'node:crypto';

/** Where such a program listens: credentials in its address go as HTTP Basic, since `fetch` takes none there. */
export type Endpoint = { readonly href: string; readonly authorization: { authorization?: string } };

export function endpointOf(address: string): Endpoint {
  const url = new URL(address);
  const credentials = [url.username, url.password].map(decodeURIComponent).join(':');
  const basic = `Basic ${Buffer.from(credentials).toString('base64')}`;
  url.username = url.password = '';
  return { href: url.href, authorization: credentials === ':' ? {} : { authorization: basic } };
}

export type SignedPost = {
  secret: string;
  /** JSON. */
  body: string;
  /** In ms since 1970. */
  now: number;
  signal: AbortSignal;
  headers?: Record<string, string>;
};

/** Follows no redirection: what is asked is meant for this address alone. @throws what `fetch` throws. */
export function postSigned(endpoint: Endpoint, { secret, body, now, signal, headers }: SignedPost) {
  return fetch(endpoint.href, {
    method: 'POST',
    body,
    redirect: 'manual',
    headers: {
      ...endpoint.authorization,
      'content-type': 'application/json',
      'user-agent': 'Pharos',
      ...headers,
      'pharos-signature': signature(secret, Math.floor(now / 1000), body),
    },
    signal,
  });
}

/** `t=<seconds since 1970>,v1=<HMAC-SHA256 in hex of "<t>.<body>">` */
export function signature(secret: string, timestamp: number, body: string): string {
  const mac = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return `t=${timestamp},v1=${mac}`;
}

/** `fetch failed` says nothing; its cause does, without the address. */
export function failureOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be reached';
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause) return `it cannot be reached: ${String(cause.code)}`;
  return error.name === 'TimeoutError' ? 'no answer in time' : 'it cannot be reached';
}

/** The body as text, or undefined if it is longer than `max` bytes; the rest is then not read. */
export async function readAtMost({ body }: Response, max: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels what is still to come.
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    if (length > max) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
