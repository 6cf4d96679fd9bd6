/**
 * What goes over an RTSP connection (RFC 2326, which is what cameras speak):
 * messages and, between them, media frames. Of bounded size. Pure.
 */

export type RtspMessage = {
  /** `RTSP/1.0 200 OK`, `SETUP rtsp://… RTSP/1.0`. */
  firstLine: string;
  /** In order; some names come several times. */
  headers: [name: string, value: string][];
  body: Buffer;
};

export const MAX_HEADER_BYTES = 16_384;
/** The SDPs of cameras have one or two thousand. */
export const MAX_BODY_BYTES = 16_384;

const FRAME_MARK = 0x24;
const FRAME_HEADER_BYTES = 4;
const NOTHING = Buffer.alloc(0);

/** Takes bytes as they come, from either side; gives messages, and media frames (section 10.12) as they are. */
export class MessageReader {
  #data: Buffer = NOTHING;

  /** @throws Error if this is not RTSP, or too large. */
  push(chunk: Buffer): (RtspMessage | Buffer)[] {
    this.#data = this.#data.length === 0 ? chunk : Buffer.concat([this.#data, chunk]);
    const found: (RtspMessage | Buffer)[] = [];
    for (let item = this.#next(); item !== undefined; item = this.#next()) found.push(item);
    return found;
  }

  #next(): RtspMessage | Buffer | undefined {
    // Empty lines before a message are passed over (section 4.1 of RFC 2326).
    while (this.#data[0] === 0x0d || this.#data[0] === 0x0a) this.#take(1);
    if (this.#data.length === 0) return undefined;
    return this.#data[0] === FRAME_MARK ? this.#frames() : this.#message();
  }

  /** As many whole frames as there are. */
  #frames(): Buffer | undefined {
    let end = 0;
    while (this.#data[end] === FRAME_MARK && end + FRAME_HEADER_BYTES <= this.#data.length) {
      const next = end + FRAME_HEADER_BYTES + this.#data.readUInt16BE(end + 2);
      if (next > this.#data.length) break;
      end = next;
    }
    return end === 0 ? undefined : this.#take(end);
  }

  #message(): RtspMessage | undefined {
    const end = this.#data.indexOf('\r\n\r\n');
    if (end === -1) {
      const begin = this.#data.toString('latin1', 0, MAX_HEADER_BYTES);
      if (begin.includes('\n') && !isFirstLine(begin.split('\n')[0])) throw new Error('this is not RTSP');
      if (this.#data.length > MAX_HEADER_BYTES) throw new Error('a message is too long');
      return undefined;
    }
    const [firstLine = '', ...lines] = this.#data.toString('latin1', 0, end).split('\r\n');
    if (!isFirstLine(firstLine)) throw new Error('this is not RTSP');
    const headers = lines.map(parseHeader).filter((header) => header !== undefined);
    const length = Number(headerOf({ headers }, 'content-length') ?? 0);
    if (end > MAX_HEADER_BYTES || !Number.isInteger(length) || length < 0 || length > MAX_BODY_BYTES) {
      throw new Error('a message is too long');
    }
    if (this.#data.length < end + 4 + length) return undefined;
    const body = this.#take(end + 4 + length).subarray(end + 4);
    return { firstLine, headers, body };
  }

  #take(length: number): Buffer {
    const taken = this.#data.subarray(0, length);
    this.#data = this.#data.subarray(length);
    return taken;
  }
}

function isFirstLine(line = ''): boolean {
  return /^RTSP\/\d\.\d \d{3}\b|^[A-Z_]+ \S+ RTSP\/\d\.\d\r?$/.test(line);
}

function parseHeader(line: string): [string, string] | undefined {
  const [, name, value] = /^([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
  return name === undefined || value === undefined ? undefined : [name, value];
}

/** The status of a response; undefined for a request. */
export function statusOf({ firstLine }: Pick<RtspMessage, 'firstLine'>): number | undefined {
  const status = /^RTSP\/\d\.\d (\d{3})\b/.exec(firstLine)?.[1];
  return status === undefined ? undefined : Number(status);
}

export function headersOf({ headers }: Pick<RtspMessage, 'headers'>, name: string): string[] {
  return headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

export function headerOf(message: Pick<RtspMessage, 'headers'>, name: string): string | undefined {
  return headersOf(message, name)[0];
}

/** The same message with this header set, or, without a value, gone. */
export function withHeader(message: RtspMessage, name: string, value?: string): RtspMessage {
  const headers = message.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  if (value !== undefined) headers.push([name, value]);
  return { ...message, headers };
}

export function serialize({ firstLine, headers, body }: RtspMessage): Buffer {
  const lines = [firstLine, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}
