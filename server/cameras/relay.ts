import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { type CameraUrl, cameraRequestUrl } from '../base/camera-url.ts';
import { CameraFault } from './fault.ts';
import { authorize, type Challenge, chooseChallenge } from './rtsp-auth.ts';
import { connectionFault, openConnection, refusal, type Target } from './rtsp-client.ts';
import {
  headerOf,
  headersOf,
  MessageReader,
  type RtspMessage,
  serialize,
  statusOf,
  withHeader,
} from './rtsp-message.ts';

/** Requests without an answer; ffmpeg sends one after the other. */
const MAX_PENDING = 16;

/**
 * Stands between ffmpeg and a camera, on loopback: ffmpeg knows neither the
 * camera's address nor its password, and is led nowhere else. Authentication,
 * TLS and the checked address are ours; redirects, which ffmpeg would follow,
 * end here. Media over TCP passes through; over UDP it goes to ffmpeg directly.
 */
export class RtspRelay {
  /** What ffmpeg opens: known to nobody else, and good for one connection. */
  readonly url: string;
  readonly #target: Target;
  readonly #server: Server;
  readonly #token: string;
  readonly #sockets = new Set<Socket>();
  #session: RelaySession | undefined;

  private constructor(target: Target, server: Server) {
    this.#target = target;
    this.#server = server;
    this.#token = randomBytes(16).toString('base64url');
    const { address, port } = server.address() as AddressInfo;
    this.url = `rtsp://${isIPv6(address) ? `[${address}]` : address}:${port}/${this.#token}`;
  }

  static async create(target: Target): Promise<RtspRelay> {
    // Of the camera's family: ffmpeg opens its UDP ports for that of this connection.
    const server = createServer().listen(0, isIPv6(target.address) ? '::1' : '127.0.0.1');
    await once(server, 'listening');
    const relay = new RtspRelay(target, server);
    server.on('connection', (socket) => relay.#serverOnConnection(socket));
    return relay;
  }

  /** Why the connection to the camera ended, if it did not end by us. */
  get fault(): CameraFault | undefined {
    return this.#session?.fault;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#session?.close();
  }

  #serverOnConnection(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.once('data', (first) => {
      // Whoever else is on this machine does not know the token.
      if (this.#session || !first.includes(`/${this.#token}`)) {
        socket.destroy();
        return;
      }
      this.#server.close();
      this.#session = new RelaySession(this.#target, this.url, socket);
      this.#session.clientOnData(first);
    });
  }
}

class RelaySession {
  fault: CameraFault | undefined;
  readonly #url: CameraUrl;
  readonly #address: string;
  readonly #ownUrl: string;
  readonly #client: Socket;
  readonly #camera: Socket;
  readonly #requests = new MessageReader();
  readonly #responses = new MessageReader();
  /** By CSeq. */
  readonly #pending = new Map<string, { request: RtspMessage; nonce: string | undefined }>();
  #challenge: Challenge | undefined;
  /** Requests by this challenge. */
  #count = 0;

  constructor(target: Target, ownUrl: string, client: Socket) {
    this.#url = target.url;
    this.#address = target.address;
    this.#ownUrl = ownUrl;
    this.#client = client;
    this.#camera = openConnection(target);
    for (const socket of [client, this.#camera]) socket.setNoDelay(true);
    client.on('data', (chunk) => this.clientOnData(chunk));
    client.once('close', () => this.#camera.destroy());
    this.#camera.on('data', (chunk) => this.#cameraOnData(chunk));
    this.#camera.once('error', (error) => this.#fail(connectionFault(error)));
    this.#camera.once('close', () =>
      this.#fail(new CameraFault('source_unreachable', 'the camera closed the connection')),
    );
    passOnPressure(this.#camera, client);
    passOnPressure(client, this.#camera);
  }

  close(): void {
    this.#client.destroy();
    this.#camera.destroy();
  }

  clientOnData(chunk: Buffer): void {
    this.#read(this.#requests, chunk, (item) => {
      if (Buffer.isBuffer(item) || statusOf(item) !== undefined) this.#toCamera(item);
      else this.#clientOnRequest(item);
    });
  }

  #cameraOnData(chunk: Buffer): void {
    this.#read(this.#responses, chunk, (item) => {
      if (Buffer.isBuffer(item)) this.#toClient(item);
      else this.#cameraOnMessage(item);
    });
  }

  #read(reader: MessageReader, chunk: Buffer, handle: (item: RtspMessage | Buffer) => void): void {
    try {
      for (const item of reader.push(chunk)) handle(item);
    } catch (error) {
      this.#fail(new CameraFault('source_unreachable', 'the camera sends what is no RTSP', { cause: error }));
    }
  }

  /** ffmpeg's requests name us; the camera is to see its own address. */
  #clientOnRequest(message: RtspMessage): void {
    const [method = '', uri = '', version = ''] = message.firstLine.split(' ');
    const real = uri.startsWith(this.#ownUrl)
      ? cameraRequestUrl(this.#url) + uri.slice(this.#ownUrl.length)
      : uri;
    const request = { ...message, firstLine: `${method} ${real} ${version}` };
    const sequence = headerOf(request, 'cseq') ?? '';
    if (this.#pending.size >= MAX_PENDING) this.#pending.clear();
    this.#pending.set(sequence, { request, nonce: this.#nonce });
    this.#toCamera(this.#authorized(request));
  }

  #cameraOnMessage(message: RtspMessage): void {
    const status = statusOf(message);
    // A REDIRECT, or what else a camera may ask of a client, is not for ffmpeg.
    if (status === undefined) return;
    if (status >= 300 && status < 400) {
      this.#fail(refusal(status));
      return;
    }
    const sequence = headerOf(message, 'cseq') ?? '';
    const asked = this.#pending.get(sequence);
    if (status === 401 && asked && this.#learnChallenge(message, asked.nonce)) {
      asked.nonce = this.#nonce;
      this.#toCamera(this.#authorized(asked.request));
      return;
    }
    this.#pending.delete(sequence);
    // As in asking for the description, which went well before: somebody changed something just now.
    if (status === 401) this.fault ??= refusal(status);
    this.#toClient(this.#withOwnSource(message));
  }

  /** Whether there is another challenge than the one that was answered: the first, or one with a fresh nonce. */
  #learnChallenge(message: RtspMessage, answered: string | undefined): boolean {
    this.#challenge = chooseChallenge(headersOf(message, 'www-authenticate'));
    this.#count = 0;
    return this.#nonce !== undefined && this.#nonce !== answered;
  }

  get #nonce(): string | undefined {
    if (!this.#challenge) return undefined;
    return this.#challenge.scheme === 'basic' ? 'basic' : this.#challenge.nonce;
  }

  #authorized(request: RtspMessage): RtspMessage {
    if (!this.#challenge) return request;
    const [method = '', uri = ''] = request.firstLine.split(' ');
    this.#count += 1;
    const value = authorize(this.#challenge, this.#url, { method, uri, count: this.#count });
    return withHeader(request, 'Authorization', value);
  }

  /** To where media over UDP is answered: ffmpeg would take our address, or any that the camera names. */
  #withOwnSource(message: RtspMessage): RtspMessage {
    const transport = headerOf(message, 'transport');
    if (!transport || /interleaved/i.test(transport)) return message;
    const rest = transport.split(';').filter((part) => !/^\s*(source|destination)=/i.test(part));
    return withHeader(message, 'Transport', [...rest, `source=${this.#address}`].join(';'));
  }

  #toCamera(item: RtspMessage | Buffer): void {
    if (this.#camera.writable) this.#camera.write(Buffer.isBuffer(item) ? item : serialize(item));
  }

  #toClient(item: RtspMessage | Buffer): void {
    if (this.#client.writable) this.#client.write(Buffer.isBuffer(item) ? item : serialize(item));
  }

  #fail(fault: CameraFault): void {
    // The first cause is the one that counts; what follows from our own closing is none.
    if (!this.#client.destroyed) this.fault ??= fault;
    this.#camera.destroy();
    this.#client.end();
  }
}

/** Whoever reads too slowly slows down the one who sends. */
function passOnPressure(from: Socket, to: Socket): void {
  from.on('data', () => {
    if (to.writableNeedDrain) from.pause();
  });
  to.on('drain', () => from.resume());
}
