/** Asks a camera what it sends (DESCRIBE): within milliseconds all is known that can be wrong with it. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type CameraUrl, cameraRequestUrl } from '../base/camera-url.ts';
import { CameraFault } from './fault.ts';
import { authorize, type Challenge, chooseChallenge } from './rtsp-auth.ts';
import { headersOf, MessageReader, type RtspMessage, statusOf } from './rtsp-message.ts';

export type Target = {
  url: CameraUrl;
  /** The IP address to connect to: that of the host, checked. */
  address: string;
};

export type DescribeOptions = { timeoutMs: number; signal?: AbortSignal };

/**
 * The SDP.
 * @throws CameraFault with what is wrong, AbortError by the signal.
 */
export async function describe(target: Target, { timeoutMs, signal }: DescribeOptions): Promise<string> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const socket = openConnection(target);
  try {
    const client = new Connection(socket, AbortSignal.any(signal ? [timeout, signal] : [timeout]));
    return await describeOn(client, target.url);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (timeout.aborted) {
      throw new CameraFault('source_unreachable', `the camera did not answer within ${timeoutMs / 1000} s`);
    }
    throw error instanceof CameraFault ? error : connectionFault(error);
  } finally {
    socket.destroy();
  }
}

/** A connection to a camera, by TCP or TLS. */
export function openConnection({ url, address }: Target): Socket {
  const { port, host, scheme } = url;
  if (scheme === 'rtsp') return connect({ host: address, port });
  // The certificates of cameras are their own making: TLS keeps listeners out, but proves nothing.
  return connectTls({
    host: address,
    port,
    rejectUnauthorized: false,
    ...(isIP(host) === 0 && { servername: host }),
  });
}

async function describeOn(connection: Connection, url: CameraUrl): Promise<string> {
  const request = { method: 'DESCRIBE', uri: cameraRequestUrl(url) };
  let response = await connection.ask(request.method, request.uri);
  if (statusOf(response) === 401) {
    const challenge = acceptChallenge(response, url);
    response = await connection.ask(request.method, request.uri, authorize(challenge, url, request));
  }
  const status = statusOf(response);
  if (status !== 200) throw refusal(status);
  return response.body.toString('utf8');
}

function acceptChallenge(response: RtspMessage, { username, password }: CameraUrl): Challenge {
  if (username === '' && password === '') {
    throw new CameraFault(
      'source_refused',
      'the camera asks for a user name and a password; put them into its address',
    );
  }
  const challenge = chooseChallenge(headersOf(response, 'www-authenticate'));
  if (challenge) return challenge;
  throw new CameraFault(
    'source_refused',
    'the camera asks for a kind of authentication that is not known here; allow Basic or Digest in the camera',
  );
}

/** One connection, one request at a time. */
class Connection {
  readonly #socket: Socket;
  readonly #reader = new MessageReader();
  #sequence = 0;
  #waiting: { resolve(response: RtspMessage): void; reject(error: unknown): void } | undefined;
  #failure: unknown;

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#socketOnData(chunk));
    socket.once('error', (error) => this.#fail(error));
    socket.once('close', () => this.#fail(new Error('it closed the connection')));
    signal.addEventListener('abort', () => this.#fail(signal.reason), { once: true });
  }

  ask(method: string, uri: string, authorization?: string): Promise<RtspMessage> {
    this.#sequence += 1;
    const lines = [
      `${method} ${uri} RTSP/1.0`,
      `CSeq: ${this.#sequence}`,
      'User-Agent: Pharos',
      'Accept: application/sdp',
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    ];
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting = { resolve, reject };
      this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
  }

  #socketOnData(chunk: Buffer): void {
    try {
      for (const item of this.#reader.push(chunk)) {
        if (!Buffer.isBuffer(item) && statusOf(item) !== undefined) this.#waiting?.resolve(item);
      }
    } catch (error) {
      this.#fail(
        new CameraFault('source_refused', 'what answers at this address is no RTSP camera', { cause: error }),
      );
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#socket.destroy();
  }
}

/** What a status other than 200 means. */
export function refusal(status: number | undefined): CameraFault {
  switch (status) {
    case 401:
      return new CameraFault('source_refused', 'the camera does not accept this user name and password');
    case 403:
      return new CameraFault('source_refused', 'the camera does not allow this user to see the stream (403)');
    case 400:
    case 404:
    case 451:
    case 454:
      return new CameraFault(
        'source_refused',
        `the camera has no stream at the path of this address (${status}); see its manual for the right one`,
      );
    case 301:
    case 302:
    case 303:
    case 305:
      return new CameraFault(
        'source_refused',
        `the camera redirects to another address (${status}), which is not followed; use that one`,
      );
    default:
      return new CameraFault(
        'source_unreachable',
        `the camera cannot send the stream just now (it answered ${status}); perhaps it has too many clients`,
      );
  }
}

/** What an error of the socket means. */
export function connectionFault(error: unknown): CameraFault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const fault = (message: string) => new CameraFault('source_unreachable', message, { cause: error });
  switch (code) {
    case 'ECONNREFUSED':
      return fault('the camera refuses connections on this port; is it on, and RTSP switched on?');
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return fault('there is no way through the network to the camera');
    case 'EHOSTDOWN':
    case 'ETIMEDOUT':
      return fault('the camera does not answer');
    default:
      if (/^(EPROTO|ERR_SSL_)/.test(code))
        return fault('the camera does not speak TLS on this port; try rtsp://');
      return fault('the camera closed the connection');
  }
}
