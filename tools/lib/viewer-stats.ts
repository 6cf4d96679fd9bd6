/**
 * What a viewer sees of its RTP. Hundreds of viewers are looked at in one process,
 * packet by packet: nothing is kept of a packet, and nothing is allocated for it.
 */
import { CLOCK_RATE, GapCounter, type MediaKind, sequenceOf, ssrcOf, timestampOf } from './rtp.ts';

const RATE = { audio: CLOCK_RATE.opus, video: CLOCK_RATE.H264 } as const satisfies Record<MediaKind, number>;

export class ViewerStats {
  readonly audio = new TrackStats(RATE.audio);
  readonly video = new TrackStats(RATE.video);
  /** By performance.now(). */
  firstPacketAt: number | undefined;

  /** `now` is when it came, by performance.now(). */
  add(kind: MediaKind, packet: Buffer, now: number): void {
    this.firstPacketAt ??= now;
    this[kind].add(packet, now);
  }

  get packets(): number {
    return this.audio.packets + this.video.packets;
  }

  get bytes(): number {
    return this.audio.bytes + this.video.bytes;
  }

  get lost(): number {
    return this.audio.lost + this.video.lost;
  }
}

export class TrackStats {
  packets = 0;
  /** RTP with its header, without SRTP's tag, UDP and IP. */
  bytes = 0;
  readonly #rate: number;
  #ssrc: number | undefined;
  #gaps = new GapCounter();
  #lostBefore = 0;
  #jitter = 0;
  #transit: number | undefined;

  constructor(clockRate: number) {
    this.#rate = clockRate;
  }

  add(packet: Buffer, now: number): void {
    const ssrc = ssrcOf(packet);
    if (ssrc !== this.#ssrc) this.#begin(ssrc);
    this.packets++;
    this.bytes += packet.length;
    this.#gaps.add(sequenceOf(packet));
    this.#observe(now * (this.#rate / 1000) - timestampOf(packet));
  }

  /** Packets that never came, by the gaps between those that did. */
  get lost(): number {
    return this.#lostBefore + this.#gaps.lost;
  }

  /** Interarrival jitter in milliseconds (RFC 3550, section 6.4.1). */
  get jitter(): number {
    return (this.#jitter * 1000) / this.#rate;
  }

  /** Another publisher's media begins at other numbers and times. */
  #begin(ssrc: number): void {
    this.#ssrc = ssrc;
    this.#lostBefore += this.#gaps.lost;
    this.#gaps = new GapCounter();
    this.#transit = undefined;
  }

  /** RFC 3550, appendix A.8. Timestamps wrap at 32 bits, and what is left of a difference is far from half of that. */
  #observe(transit: number): void {
    if (this.#transit !== undefined) {
      const wrapped = transit - this.#transit;
      const difference = wrapped - 2 ** 32 * Math.round(wrapped / 2 ** 32);
      this.#jitter += (Math.abs(difference) - this.#jitter) / 16;
    }
    this.#transit = transit;
  }
}
