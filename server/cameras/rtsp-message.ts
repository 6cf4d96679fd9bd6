/** RTSP responses (RFC 2326, which is what cameras speak), of bounded size. Pure. */

export type RtspResponse = {
  status: number;
  /** By lower-case name, in order, as one may come several times. */
  headers: ReadonlyMap<string, readonly string[]>;
  body: string;
};

export const MAX_HEADER_BYTES = 16_384;
/** Those of cameras have one or two thousand. */
export const MAX_BODY_BYTES = 16_384;

/** Takes bytes as they come; gives the response once it is there. */
export class ResponseReader {
  #data: Buffer = Buffer.alloc(0);

  /** @throws Error if this is not RTSP, or too large. */
  push(chunk: Buffer): RtspResponse | undefined {
    this.#data = Buffer.concat([this.#data, chunk]);
    const end = this.#data.indexOf('\r\n\r\n');
    if (!'RTSP/'.startsWith(this.#data.toString('latin1', 0, 5))) throw new Error('this is not RTSP');
    if (end === -1) {
      if (this.#data.length > MAX_HEADER_BYTES) throw new Error('its answer is too long');
      return undefined;
    }
    const { status, headers } = parseHead(this.#data.toString('latin1', 0, end));
    const length = Number(headers.get('content-length')?.[0] ?? 0);
    if (!Number.isInteger(length) || length < 0 || length > MAX_BODY_BYTES)
      throw new Error('its answer is too long');
    const from = end + 4;
    if (this.#data.length < from + length) return undefined;
    const body = this.#data.toString('utf8', from, from + length);
    this.#data = this.#data.subarray(from + length);
    return { status, headers, body };
  }
}

function parseHead(text: string): Pick<RtspResponse, 'status' | 'headers'> {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^RTSP\/\d\.\d (\d{3})\b/.exec(first)?.[1];
  if (status === undefined) throw new Error('this is not RTSP');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = /^([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  return { status: Number(status), headers };
}
