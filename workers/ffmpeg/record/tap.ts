import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { types } from 'mediasoup';
import { isRtcp, nack, parseRtp, type RtpPacket, type SenderReport, senderReports } from './rtp.ts';

export type TapListener = {
  tapOnPacket(consumer: types.Consumer, packet: RtpPacket, arrival: number): void;
  tapOnReport(consumer: types.Consumer, report: SenderReport, arrival: number): void;
  /** Nothing more will come of it. Not when the tap is closed by its owner. */
  tapOnConsumerEnd(consumer: types.Consumer): void;
};

type TapOptions = {
  router: types.Router;
  /** As that router has them. */
  producers: readonly types.Producer[];
  listener: TapListener;
};

/** Key frames come in bursts, and Node may be busy. Linux may give less (net.core.rmem_max). */
const RECEIVE_BUFFER = 4 << 20;
const LOOPBACK = '127.0.0.1';
const ROTATION = 'urn:3gpp:video-orientation';
/** What is said back: packets that were lost on loopback are sent again, and key frames are asked for. */
const FEEDBACK = ['nack', 'ccm fir', 'nack pli'];

/**
 * A stream's packets and sender reports in this process: consumers on a
 * PlainTransport that sends to a socket here. (A DirectTransport would spare the
 * socket, but mediasoup sends no sender reports on it.) Nothing comes before `resume`.
 */
export class Tap {
  readonly consumers: readonly types.Consumer[];
  readonly #socket: Socket;
  readonly #transport: types.PlainTransport;
  #closed = false;

  private constructor(socket: Socket, transport: types.PlainTransport, consumers: types.Consumer[]) {
    this.#socket = socket;
    this.#transport = transport;
    this.consumers = consumers;
  }

  static async create({ router, producers, listener }: TapOptions): Promise<Tap> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER });
    let transport: types.PlainTransport | undefined;
    try {
      socket.bind(0, LOOPBACK);
      await once(socket, 'listening');
      transport = await router.createPlainTransport({
        listenInfo: { protocol: 'udp', ip: LOOPBACK },
        rtcpMux: true,
      });
      await connect(socket, transport);
      const consumers = await consume(router, transport, producers);
      const tap = new Tap(socket, transport, consumers);
      tap.#listen(listener);
      return tap;
    } catch (error) {
      transport?.close();
      socket.close();
      throw error;
    }
  }

  /** From here on packets come, video from its next key frame on, which is asked for. */
  async resume(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.resume()));
  }

  /** Asks for packets that are missing. */
  askAgain(consumer: types.Consumer, sequences: readonly number[]): void {
    if (!this.#closed) this.#socket.send(nack(ssrcOf(consumer), sequences));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#transport.close();
    this.#socket.close();
  }

  #listen(listener: TapListener): void {
    const bySsrc = new Map(this.consumers.map((consumer) => [ssrcOf(consumer), consumer]));
    const rotationIds = new Map(this.consumers.map((consumer) => [consumer, rotationId(consumer)]));
    this.#socket.on('message', (data) => {
      const arrival = performance.now();
      if (this.#closed) return;
      if (isRtcp(data)) {
        for (const report of senderReports(data)) {
          const consumer = bySsrc.get(report.ssrc);
          if (consumer) listener.tapOnReport(consumer, report, arrival);
        }
        return;
      }
      const consumer = data.length >= 12 ? bySsrc.get(data.readUInt32BE(8)) : undefined;
      const packet = consumer && parseRtp(data, rotationIds.get(consumer));
      if (packet) listener.tapOnPacket(consumer, packet, arrival);
    });
    // That nobody listens at the other end any more: the transport's end is told otherwise.
    this.#socket.on('error', () => undefined);
    for (const consumer of this.consumers) {
      const onEnd = () => {
        if (!this.#closed) listener.tapOnConsumerEnd(consumer);
      };
      consumer.once('producerclose', onEnd);
      consumer.once('transportclose', onEnd);
    }
  }
}

/** Connected, a socket takes packets from there alone; mediasoup does the same. */
async function connect(socket: Socket, transport: types.PlainTransport): Promise<void> {
  socket.connect(transport.tuple.localPort, LOOPBACK);
  await once(socket, 'connect');
  await transport.connect({ ip: LOOPBACK, port: socket.address().port });
}

function consume(
  router: types.Router,
  transport: types.PlainTransport,
  producers: readonly types.Producer[],
): Promise<types.Consumer[]> {
  const rtpCapabilities = recorderCapabilities(router.rtpCapabilities);
  return Promise.all(
    producers.map(({ id: producerId }) =>
      transport.consume({ producerId, rtpCapabilities, paused: true, enableRtx: true }),
    ),
  );
}

/**
 * Of whoever takes media on this machine. Without RTX, packets are sent again as they were. Without
 * estimates of bandwidth, simulcast is at its best layer, or the best that is preferred.
 */
export function recorderCapabilities({
  codecs = [],
  headerExtensions = [],
}: types.RtpCapabilities): types.RtpCapabilities {
  return {
    codecs: codecs
      .filter(({ mimeType }) => !mimeType.toLowerCase().endsWith('/rtx'))
      .map((codec) => ({ ...codec, rtcpFeedback: codec.rtcpFeedback?.filter(isWanted) })),
    headerExtensions: headerExtensions.filter(({ uri }) => uri === ROTATION),
  };
}

function isWanted({ type, parameter = '' }: types.RtcpFeedback): boolean {
  return FEEDBACK.includes(`${type} ${parameter}`.trim());
}

function ssrcOf({ rtpParameters }: types.Consumer): number {
  return rtpParameters.encodings?.[0]?.ssrc ?? 0;
}

export function rotationId({ rtpParameters }: types.Consumer): number | undefined {
  return rtpParameters.headerExtensions?.find(({ uri }) => uri === ROTATION)?.id;
}
