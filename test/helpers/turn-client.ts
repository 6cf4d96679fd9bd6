/** A TURN client over UDP that asks for what a browser never would (RFC 8656). */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ATTRIBUTES,
  longTermKey,
  METHODS,
  type StunAnswer,
  type StunAttribute,
  stunAnswer,
  stunRequest,
  xorAddress,
} from './stun.ts';

type Credentials = { username: string; password: string };

const UDP = Buffer.from([17, 0, 0, 0]);
const CHANNELS = 0x4000;
/** Milliseconds until a request is sent once more. */
const AGAIN = 500;

export class TurnClient {
  readonly #socket: Socket;
  readonly #port: number;
  #credentials: Credentials | undefined;
  #realm = '';
  #nonce: Buffer = Buffer.alloc(0);
  #channel = CHANNELS;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
  }

  static async open(port: number): Promise<TurnClient> {
    const socket = createSocket('udp4');
    socket.on('error', () => undefined);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new TurnClient(socket, port);
  }

  /** Whether anybody answers STUN there. */
  static async answers(port: number): Promise<boolean> {
    const client = await TurnClient.open(port);
    const answer = await client.#exchange(METHODS.binding, () => [], 1).catch(() => undefined);
    client.close();
    return answer?.success ?? false;
  }

  /** Asks for a relay; the code of the refusal, or that there is one. */
  async allocate(credentials: Credentials | undefined, family: 4 | 6 = 4): Promise<number | 'allocated'> {
    const wish: StunAttribute[] = [
      [ATTRIBUTES.requestedTransport, UDP],
      ...(family === 6 ? [[ATTRIBUTES.requestedAddressFamily, Buffer.from([2, 0, 0, 0])] as const] : []),
    ];
    this.#credentials = undefined;
    const first = await this.#exchange(METHODS.allocate, () => wish);
    if (!credentials) return first.error ?? 'allocated';
    this.#realm = String(first.attributes.get(ATTRIBUTES.realm));
    this.#nonce = first.attributes.get(ATTRIBUTES.nonce) ?? this.#nonce;
    this.#credentials = credentials;
    return (await this.#exchange(METHODS.allocate, () => wish)).error ?? 'allocated';
  }

  /** CreatePermission: whether packets may go to that address. 200, or the code of the refusal. */
  async permit(ip: string): Promise<number> {
    const answer = await this.#exchange(METHODS.createPermission, (transaction) => [
      [ATTRIBUTES.xorPeerAddress, xorAddress(ip, 80, transaction)],
    ]);
    return answer.error ?? 200;
  }

  async bindChannel(ip: string): Promise<number> {
    const number = Buffer.alloc(4);
    number.writeUInt16BE(this.#channel++);
    const answer = await this.#exchange(METHODS.channelBind, (transaction) => [
      [ATTRIBUTES.channelNumber, number],
      [ATTRIBUTES.xorPeerAddress, xorAddress(ip, 80, transaction)],
    ]);
    return answer.error ?? 200;
  }

  close(): void {
    this.#socket.close();
  }

  async #exchange(
    method: number,
    attributes: (transaction: Buffer) => StunAttribute[],
    tries = 20,
  ): Promise<StunAnswer> {
    const transaction = crypto.getRandomValues(Buffer.alloc(12));
    const by = this.#credentials;
    const all: StunAttribute[] = attributes(transaction);
    if (by) {
      all.push([ATTRIBUTES.username, by.username], [ATTRIBUTES.realm, this.#realm]);
      all.push([ATTRIBUTES.nonce, this.#nonce]);
    }
    const key = by && longTermKey(by.username, this.#realm, by.password);
    const request = stunRequest(method, all, key ? { key, transaction } : { transaction });
    const { promise, resolve } = Promise.withResolvers<StunAnswer>();
    const onMessage = (message: Buffer) => {
      const answer = stunAnswer(message);
      if (answer?.transaction.equals(transaction)) resolve(answer);
    };
    this.#socket.on('message', onMessage);
    try {
      for (let attempt = 0; attempt < tries; attempt++) {
        this.#socket.send(request, this.#port, '127.0.0.1');
        const answer = await Promise.race([promise, sleep(AGAIN)]);
        if (answer) return answer;
      }
    } finally {
      this.#socket.off('message', onMessage);
    }
    throw new Error('the TURN server does not answer');
  }
}
