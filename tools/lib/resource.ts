/** The HTTP of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an offer becomes a resource, which is deleted at the end. */

const TIMEOUT = 10_000;

/** The server said no; the message is what it gave as the reason. */
export class Refused extends Error {
  override name = 'Refused';
  readonly status: number;
  /** The server's own code for it, if it has one (RFC 9457, section 3.2: an extension member). */
  readonly code: string | undefined;
  /** Seconds to wait before asking again, if the server says. */
  readonly retryAfter: number | undefined;

  constructor(status: number, detail: string, code?: string, retryAfter?: number) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export type Resource = {
  answer: string;
  url: URL;
  etag: string | undefined;
  /** The Link header as it is: ICE servers, and what else the server offers. */
  link: string | undefined;
  /** When it was asked for and answered, by performance.now(). */
  postedAt: number;
  answeredAt: number;
};

export type ResourceOptions = { token?: string | undefined; signal?: AbortSignal | undefined };

/** @throws {Refused} */
export async function postOffer(url: URL, offer: string, options: ResourceOptions = {}): Promise<Resource> {
  const postedAt = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/sdp',
      accept: 'application/sdp',
      ...authorization(options.token),
    },
    body: offer,
    signal: bounded(options.signal),
  });
  if (response.status !== 201) throw await refusal(response);
  const answer = await response.text();
  const location = response.headers.get('location');
  if (!location) throw new Refused(response.status, 'the server gave no Location for the session');
  return {
    answer,
    // RFC 9725, section 4.2: it may be relative, to where the request went in the end.
    url: new URL(location, response.url),
    etag: response.headers.get('etag') ?? undefined,
    link: response.headers.get('link') ?? undefined,
    postedAt,
    answeredAt: performance.now(),
  };
}

/** Ends the session. One that is gone already is as good as deleted. */
export async function deleteResource(url: URL, options: ResourceOptions = {}): Promise<void> {
  const response = await fetch(url, {
    method: 'DELETE',
    headers: authorization(options.token),
    signal: bounded(options.signal),
  });
  await response.body?.cancel();
  if (!response.ok && response.status !== 404) throw await refusal(response);
}

async function refusal(response: Response): Promise<Refused> {
  const { status, statusText, headers } = response;
  const text = response.bodyUsed ? '' : await response.text().catch(() => '');
  const wait = Number(headers.get('retry-after') ?? Number.NaN);
  const retryAfter = Number.isFinite(wait) ? wait : undefined;
  const { detail, title, code } = problem(headers.get('content-type'), text);
  return new Refused(status, detail ?? title ?? `${status} ${statusText}`, code, retryAfter);
}

type Problem = { detail?: string; title?: string; code?: string };

/** RFC 9457; of a proxy's page of HTML only the status is told. */
function problem(type: string | null, text: string): Problem {
  if (!type?.includes('json')) return type?.startsWith('text/plain') && text ? { detail: text.trim() } : {};
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields !== 'object' || fields === null) return {};
    return Object.fromEntries(
      Object.entries(fields).filter(
        ([name, value]) => ['detail', 'title', 'code'].includes(name) && typeof value === 'string',
      ),
    );
  } catch {
    return {};
  }
}

const authorization = (token: string | undefined): Record<string, string> =>
  token ? { authorization: `Bearer ${token}` } : {};

function bounded(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(TIMEOUT);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}
