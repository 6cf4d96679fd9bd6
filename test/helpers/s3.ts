/**
 * S3's protocol, as far as an upload needs it, and as strict as Amazon's: signatures (SigV4) are
 * computed anew, Content-MD5 and x-amz-checksum-sha256 are held against the body, parts against what
 * is said of them at the end.
 *
 * It is a double, because no real server was to be had: MinIO, SeaweedFS, Garage and moto are in
 * neither Debian nor npm; @zenko/cloudserver's dependencies lie outside npm; s3rver, which does
 * install, takes wrong signatures, wrong MD5s and wrong SHA-256s, and makes ETags of its own kind,
 * which would prove nothing here.
 */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export const CREDENTIALS = { accessKey: 'AKPHAROS', secret: 'secret-of-the-storage' };
export const REGION = 'eu-central-1';

type StoredObject = { body: Buffer; etag: string; sha256: string | undefined };
type Upload = { key: string; parts: Map<number, Part> };
type Part = { body: Buffer; md5: Buffer; sha256: Buffer };

export type S3Request = { method: string; key: string; query: URLSearchParams; body: Buffer };
/** What goes wrong with a request, before anything is done: a status, or the connection. */
export type Trouble = (request: S3Request) => number | 'hang up' | undefined;

type Answer = { status: number; headers?: Record<string, string | number>; body?: string };

export class S3Double {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Upload>();
  readonly requests: S3Request[] = [];
  trouble: Trouble = () => undefined;
  /** Older servers keep no SHA-256. */
  keepsSha256 = true;
  /** What the storage does to bytes on their way to its disks; its checksums are of what is there. */
  corrupt: (body: Buffer) => Buffer = (body) => body;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => response.destroy(error));
    });
  }

  static async create(): Promise<S3Double> {
    const double = new S3Double();
    double.#server.listen(0, '127.0.0.1');
    await once(double.#server, 'listening');
    return double;
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '', this.endpoint);
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const asked = { method: request.method ?? '', key: rest.join('/'), query: url.searchParams, body };
    this.requests.push(asked);
    const trouble = this.trouble(asked);
    if (trouble === 'hang up') {
      response.destroy();
      return;
    }
    const { status, headers, body: text } = this.#consider(asked, request, url, bucket, trouble);
    response.writeHead(status, { ...(text && { 'content-type': 'application/xml' }), ...headers }).end(text);
  }

  #consider(
    asked: S3Request,
    request: IncomingMessage,
    url: URL,
    bucket: string | undefined,
    trouble: number | undefined,
  ): Answer {
    if (trouble !== undefined) return fail(trouble, trouble < 500 ? 'AccessDenied' : 'InternalError');
    const refusal = check(request, url, asked.body);
    if (refusal !== undefined) return fail(FORBIDDEN.has(refusal) ? 403 : 400, refusal);
    return bucket === 'recordings' ? this.#answer(asked, request) : fail(404, 'NoSuchBucket');
  }

  #answer({ method, key, query, body }: S3Request, request: IncomingMessage): Answer {
    const uploadId = query.get('uploadId');
    if (method === 'POST' && query.has('uploads')) return this.#begin(key);
    if (method === 'HEAD') return this.#head(key);
    if (uploadId === null) {
      if (method !== 'PUT') return fail(501, 'NotImplemented');
      const stored = this.corrupt(body);
      const hasSha256 = request.headers['x-amz-checksum-sha256'] !== undefined;
      const sha256 = hasSha256 ? digest('sha256', stored).toString('base64') : undefined;
      const etag = digest('md5', stored).toString('hex');
      this.objects.set(key, { body: stored, etag, sha256 });
      return { status: 200, headers: { etag: `"${etag}"` } };
    }
    const upload = this.uploads.get(uploadId);
    if (upload?.key !== key) return fail(404, 'NoSuchUpload');
    if (method === 'PUT') return this.#part(upload, Number(query.get('partNumber')), body);
    this.uploads.delete(uploadId);
    return method === 'DELETE' ? { status: 204 } : this.#complete(upload, body);
  }

  #begin(key: string): Answer {
    const id = randomUUID();
    this.uploads.set(id, { key, parts: new Map() });
    return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  #part(upload: Upload, number: number, body: Buffer): Answer {
    if (!(number >= 1 && number <= 10_000)) return fail(400, 'InvalidArgument');
    const md5 = digest('md5', body);
    upload.parts.set(number, { body, md5, sha256: digest('sha256', body) });
    return { status: 200, headers: { etag: `"${md5.toString('hex')}"` } };
  }

  #complete({ key, parts }: Upload, body: Buffer): Answer {
    const named = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, text = '']) => text);
    const field = (text: string, name: string) =>
      new RegExp(`<${name}>(.*?)</${name}>`).exec(text)?.[1] ?? '';
    const isRight = (text: string, index: number) => {
      const part = parts.get(index + 1);
      const etag = field(text, 'ETag').replace(/&quot;|"/g, '');
      return (
        Number(field(text, 'PartNumber')) === index + 1 &&
        etag === part?.md5.toString('hex') &&
        field(text, 'ChecksumSHA256') === part.sha256.toString('base64')
      );
    };
    const isSmall = [...parts.values()].slice(0, -1).some((part) => part.body.length < MIN_PART_BYTES);
    if (isSmall) return fail(400, 'EntityTooSmall');
    if (named.length !== parts.size || !named.every(isRight)) return fail(400, 'InvalidPart');
    const stored = [...parts.values()].map((part) => this.corrupt(part.body));
    const of = (name: 'md5' | 'sha256') =>
      digest(name, Buffer.concat(stored.map((part) => digest(name, part))));
    const etag = `${of('md5').toString('hex')}-${stored.length}`;
    const sha256 = `${of('sha256').toString('base64')}-${stored.length}`;
    this.objects.set(key, { body: Buffer.concat(stored), etag, sha256 });
    return xml(`<CompleteMultipartUploadResult><ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`);
  }

  #head(key: string): Answer {
    const object = this.objects.get(key);
    if (!object) return { status: 404 };
    const headers = { etag: `"${object.etag}"`, 'content-length': object.body.length };
    const checksum = this.keepsSha256 && object.sha256 !== undefined;
    return {
      status: 200,
      headers: { ...headers, ...(checksum && { 'x-amz-checksum-sha256': object.sha256 }) },
    };
  }
}

const MIN_PART_BYTES = 5 << 20;
const FORBIDDEN = new Set([
  'SignatureDoesNotMatch',
  'InvalidAccessKeyId',
  'RequestTimeTooSkewed',
  'AccessDenied',
]);

/** The code of the first thing that is wrong. */
function check(request: IncomingMessage, url: URL, body: Buffer): string | undefined {
  const header = (name: string) => request.headers[name]?.toString() ?? '';
  const [, access, date, region, signed = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header('authorization'),
    ) ?? [];
  if (access !== CREDENTIALS.accessKey) return 'InvalidAccessKeyId';
  const time = header('x-amz-date');
  const iso = time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  if (!(Math.abs(Date.parse(iso) - Date.now()) < 900_000) || !time.startsWith(date ?? '-'))
    return 'RequestTimeTooSkewed';
  const content = header('x-amz-content-sha256');
  if (content !== 'UNSIGNED-PAYLOAD' && content !== digest('sha256', body).toString('hex'))
    return 'XAmzContentSHA256Mismatch';
  const query = [...url.searchParams]
    .map(([name, value]) => `${uri(name)}=${uri(value)}`)
    .sort()
    .join('&');
  const headers = signed
    .split(';')
    .map((name) => `${name}:${header(name).trim().replace(/ +/g, ' ')}\n`)
    .join('');
  const canonical = [request.method, url.pathname, query, headers, signed, content].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = [
    'AWS4-HMAC-SHA256',
    time,
    scope,
    digest('sha256', Buffer.from(canonical)).toString('hex'),
  ].join('\n');
  const key = [date ?? '', region ?? '', 's3', 'aws4_request'].reduce<string | Buffer>(
    (before, word) => createHmac('sha256', before).update(word).digest(),
    `AWS4${CREDENTIALS.secret}`,
  );
  if (region !== REGION || createHmac('sha256', key).update(text).digest('hex') !== signature)
    return 'SignatureDoesNotMatch';
  // What is not signed could be changed on the way.
  if (!['host', 'x-amz-date', 'x-amz-content-sha256'].every((name) => signed.split(';').includes(name)))
    return 'AccessDenied';
  const md5 = header('content-md5');
  if (md5 && md5 !== digest('md5', body).toString('base64')) return 'BadDigest';
  const sha256 = header('x-amz-checksum-sha256');
  if (sha256 && sha256 !== digest('sha256', body).toString('base64')) return 'BadDigest';
  return undefined;
}

function uri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function digest(algorithm: 'md5' | 'sha256', body: Buffer): Buffer {
  return createHash(algorithm).update(body).digest();
}

function xml(text: string): Answer {
  return { status: 200, body: `<?xml version="1.0" encoding="UTF-8"?>${text}` };
}

function fail(status: number, code: string): Answer {
  return { status, body: `<Error><Code>${code}</Code><Message>${code}</Message></Error>` };
}
