/** A bare protocol client: sends what a test says, keeps all that comes. */
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import type * as z from 'zod';
import {
  type AnswerOf,
  answer as answerSchema,
  answers,
  type DtlsParameters,
  type Event,
  type EventOf,
  event as eventSchema,
  type MediaKind,
  type Receiving,
  type RequestOf,
  type RequestType,
  type RtpCapabilities,
  type RtpParameters,
  type Sending,
} from '../../server/protocol/messages.ts';

export type Refusal = { code: string; message: string };

export class TestClient {
  readonly ws: WebSocket;
  /** Every message received, parsed, in order. */
  readonly received: unknown[] = [];
  bytesReceived = 0;
  #nextId = 1;
  #listeners = new Set<() => void>();
  #closed: { code: number; reason: string } | undefined;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data) => {
      const text = String(data);
      this.bytesReceived += text.length;
      this.received.push(JSON.parse(text));
      this.#wake();
    });
    ws.on('close', (code, reason) => {
      this.#closed = { code, reason: String(reason) };
      this.#wake();
    });
    ws.on('error', () => undefined);
  }

  static async connect(url: string, options: ClientOptions = {}): Promise<TestClient> {
    const ws = new WebSocket(url, options);
    const client = new TestClient(ws);
    await once(ws, 'open');
    return client;
  }

  /** Resolves when `find` returns something for what was received so far; rejects if the socket closes first. */
  async until<T>(find: (received: unknown[]) => T | undefined, what: string): Promise<T> {
    for (;;) {
      const found = find(this.received);
      if (found !== undefined) return found;
      if (this.#closed) throw new Error(`closed (${this.#closed.code}) while waiting for ${what}`);
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  event<T extends Event['type']>(type: T, nth = 0): Promise<EventOf<T>> {
    return this.until((received) => {
      const matching = received.flatMap((message) => {
        const parsed = eventSchema.safeParse(message);
        return parsed.success && isEvent(parsed.data, type) ? [parsed.data] : [];
      });
      return matching[nth];
    }, `the event ${type}`);
  }

  async closed(): Promise<{ code: number; reason: string }> {
    while (!this.#closed) await new Promise<void>((resolve) => this.#listeners.add(resolve));
    return this.#closed;
  }

  /** The answer's data. @throws if it is a refusal. */
  async request<T extends RequestType>(
    type: T,
    fields: Omit<RequestOf<T>, 'id' | 'type'>,
  ): Promise<AnswerOf<T>> {
    const id = this.#nextId++;
    this.send({ id, type, ...fields });
    const answer = await this.answer(id);
    if (!answer.ok) throw new Error(`${answer.error.code}: ${answer.error.message}`);
    return answers[type].parse(answer.data) as AnswerOf<T>;
  }

  /** The refusal of a message, however wrong. @throws if it is not refused. */
  async refusal(message: Record<string, unknown>): Promise<Refusal> {
    const id = this.#nextId++;
    this.send({ id, ...message });
    const answer = await this.answer(id);
    if (answer.ok) throw new Error(`not refused: ${JSON.stringify(message)}`);
    return answer.error;
  }

  answer(id: number | null, nth = 0) {
    return this.until((received) => {
      const matching = received.flatMap((message) => {
        const parsed = answerSchema.safeParse(message);
        return parsed.success && parsed.data.id === id ? [parsed.data] : [];
      });
      return matching[nth];
    }, `the answer to ${id}`);
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.closed();
  }

  #wake(): void {
    const waiting = [...this.#listeners];
    this.#listeners.clear();
    for (const resolve of waiting) resolve();
  }
}

function isEvent<T extends Event['type']>(event: Event, type: T): event is EventOf<T> {
  return event.type === type;
}

// --- What a browser would send ---------------------------------------------------

/** A well-formed certificate fingerprint; media is not the point where this is used. */
/** Statistics as a publisher and a viewer send them. */
export const SENDING: Sending = {
  limitation: 'none',
  bitrate: 2_500_000,
  width: 1280,
  height: 720,
  frameRate: 30,
  roundTrip: 20,
  lost: 0,
  path: 'udp',
};
export const RECEIVING: Receiving = {
  frozen: 0,
  bitrate: 2_500_000,
  width: 1280,
  height: 720,
  frameRate: 30,
  roundTrip: 20,
  lost: 0,
  path: 'udp',
  slowDecoder: false,
};

export const DTLS: DtlsParameters = {
  role: 'client',
  fingerprints: [{ algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') }],
};

let nextSsrc = 10_000;

/** RTP parameters as Chromium produces them, for Opus, VP8 or H.264 (RFC 7587, RFC 7741, RFC 6184). */
export function rtpParameters(codec: 'opus' | 'VP8' | 'H264'): RtpParameters {
  const ssrc = nextSsrc++;
  if (codec === 'opus') {
    return {
      codecs: [
        {
          mimeType: 'audio/opus',
          payloadType: 111,
          clockRate: 48_000,
          channels: 2,
          parameters: { useinbandfec: 1 },
        },
      ],
      encodings: [{ ssrc }],
      rtcp: { cname: 'test' },
    };
  }
  const parameters = {
    VP8: {},
    H264: { 'profile-level-id': '42e01f', 'packetization-mode': 1, 'level-asymmetry-allowed': 1 },
  };
  return {
    codecs: [
      {
        mimeType: `video/${codec}`,
        payloadType: 96,
        clockRate: 90_000,
        parameters: parameters[codec],
        rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }],
      },
    ],
    encodings: [{ ssrc }],
    rtcp: { cname: 'test' },
  };
}

/** Capabilities of a client that can play all that the server offers. */
export async function capabilities(client: TestClient): Promise<RtpCapabilities> {
  const { rtpCapabilities } = await client.event('welcome');
  return rtpCapabilities;
}

/** A publisher that is live as far as signaling goes. */
export async function publish(
  url: string,
  options: { stream?: string; key?: string; tracks?: MediaKind[]; video?: 'VP8' | 'H264' } = {},
): Promise<{ client: TestClient; stream: string }> {
  const client = await TestClient.connect(url);
  const { tracks = ['audio', 'video'], video = 'VP8' } = options;
  const { stream } = await client.request('publish', { stream: options.stream, key: options.key, tracks });
  await client.request('connect', { dtlsParameters: DTLS });
  for (const kind of tracks) {
    await client.request('produce', {
      kind,
      rtpParameters: rtpParameters(kind === 'audio' ? 'opus' : video),
    });
  }
  await client.event('live');
  return { client, stream };
}

/** A viewer, watching or waiting as the stream allows. */
export async function watch(
  url: string,
  stream: string,
): Promise<{ client: TestClient; answer: z.infer<typeof answers.watch> }> {
  const client = await TestClient.connect(url);
  const answer = await client.request('watch', { stream, rtpCapabilities: await capabilities(client) });
  return { client, answer };
}
