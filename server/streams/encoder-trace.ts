import type { types } from 'mediasoup';
import * as z from 'zod';
import { EncoderWatch, type Finding } from './encoder-watch.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';

/**
 * Every RTP packet traced costs Node a message, so that they are traced in
 * windows alone: one from the first packet on, then one a minute, or sooner
 * when a key frame, or a request for one, gives something to see. Each goes on,
 * to its limit, while something is about to show.
 */
const FIRST_WINDOW = { length: 6000, limit: 20_000 };
const WINDOW = { length: 2500, limit: 6000 };
/** From the start of one to the next that is needed, and from its end to one that is not. */
const WINDOWS_APART = { least: 30_000, most: 60_000 };
const CHECK_MS = 500;

const ALWAYS: types.ProducerTraceEventType[] = ['keyframe', 'pli', 'fir'];

// What mediasoup leaves untyped.
const rtpInfo = z.object({
  rtpPacket: z.object({
    ssrc: z.number(),
    sequenceNumber: z.number(),
    timestamp: z.number(),
    payloadSize: z.coerce.number(),
    isKeyFrame: z.boolean(),
  }),
});
const requestInfo = z.object({ ssrc: z.number() });

type WatchEncoderOptions = {
  /** Of video. What it traces is set by this alone (`enableTraceEvent`). */
  producer: types.Producer;
  /** The producer's own. */
  router: types.Router;
  parameterSetsInSdp: boolean;
  onFinding: (finding: Finding) => void;
};

/** Watches until closed, or the producer is. */
export function watchEncoder(options: WatchEncoderOptions): { close(): void } {
  const trace = new EncoderTrace(options);
  trace.start();
  return { close: () => trace.close() };
}

class EncoderTrace {
  readonly #producer: types.Producer;
  readonly #router: types.Router;
  readonly #watch: EncoderWatch;
  readonly #requests = new KeyFrameRequests(() => void this.#requestKeyFrame());
  /** Of the window, and until the next. */
  #timer: NodeJS.Timeout | undefined;
  #openedAt = 0;
  /** Before the first packet the first window is open, but its time does not run. */
  #state: 'waiting' | 'open' | 'between' | 'closed' = 'waiting';
  #requesting = false;

  constructor({ producer, router, parameterSetsInSdp, onFinding }: WatchEncoderOptions) {
    this.#producer = producer;
    this.#router = router;
    const codec = producer.rtpParameters.codecs[0];
    this.#watch = new EncoderWatch({
      h264: codec?.mimeType.toLowerCase() === 'video/h264',
      parameterSetsInSdp,
      requestable: codec?.rtcpFeedback?.some(isKeyFrameRequest) ?? false,
      onFinding,
      requestKeyFrame: () => void this.#requestKeyFrame(),
    });
  }

  start(): void {
    if (this.#producer.closed) return;
    this.#producer.on('trace', this.#producerOnTrace);
    this.#producer.observer.once('close', this.#producerOnClose);
    this.#trace([...ALWAYS, 'rtp']);
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#release();
    if (!this.#producer.closed) this.#trace([]);
  }

  readonly #producerOnClose = (): void => this.#release();

  #release(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#requests.close();
    this.#producer.off('trace', this.#producerOnTrace);
    this.#producer.observer.off('close', this.#producerOnClose);
  }

  /** Events have the worker's time, so that a busy Node judges no later or earlier. */
  readonly #producerOnTrace = ({ type, info, timestamp }: types.ProducerTraceEventData): void => {
    switch (type) {
      case 'rtp':
      case 'keyframe':
        if (this.#state === 'waiting') this.#openWindow(FIRST_WINDOW);
        if (type === 'keyframe') this.#requests.answered();
        this.#watch.packet(rtpInfo.parse(info).rtpPacket, timestamp);
        break;
      case 'pli':
      case 'fir':
        this.#requests.requested();
        this.#watch.keyFrameRequested(requestInfo.parse(info).ssrc, timestamp);
        break;
      default:
    }
    const early = this.#state === 'between' && this.#watch.undecided;
    if (early && performance.now() - this.#openedAt > WINDOWS_APART.least) this.#openWindow(WINDOW);
  };

  #openWindow({ length, limit }: { length: number; limit: number }): void {
    if (this.#state === 'between') this.#trace([...ALWAYS, 'rtp']);
    this.#state = 'open';
    this.#openedAt = performance.now();
    this.#after(length, () => this.#checkWindow(limit));
  }

  #checkWindow(limit: number): void {
    if (this.#watch.undecided && performance.now() - this.#openedAt < limit) {
      this.#after(CHECK_MS, () => this.#checkWindow(limit));
      return;
    }
    this.#state = 'between';
    this.#trace(ALWAYS);
    this.#after(WINDOWS_APART.most, () => this.#openWindow(WINDOW));
  }

  #after(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  #trace(types: types.ProducerTraceEventType[]): void {
    // It fails if the producer or its worker goes meanwhile; `close` follows.
    this.#producer.enableTraceEvent(types).catch(() => {});
  }

  /**
   * mediasoup asks for key frames on behalf of consumers alone: one that is gone
   * as soon as it has asked. As a pipe it asks for all simulcast layers.
   */
  async #requestKeyFrame(): Promise<void> {
    if (this.#requesting) return;
    this.#requesting = true;
    try {
      const transport = await this.#router.createDirectTransport();
      try {
        if (this.#state === 'closed') return;
        const { rtpCapabilities } = this.#router;
        await transport.consume({ producerId: this.#producer.id, rtpCapabilities, pipe: true });
      } finally {
        transport.close();
      }
    } catch {
      // The producer or its worker went meanwhile; `close` follows.
    } finally {
      this.#requesting = false;
    }
  }
}

function isKeyFrameRequest({ type, parameter }: types.RtcpFeedback): boolean {
  return (type === 'nack' && parameter === 'pli') || (type === 'ccm' && parameter === 'fir');
}
