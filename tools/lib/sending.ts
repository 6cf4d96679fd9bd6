/** One track as it is sent: paced, kept for who asks again, with reports of its time. */
import { readFeedback, senderReport } from './rtcp.ts';
import { CLOCK_RATE, payloadOf, type RtpTrack, sequenceOf, timestampOf } from './rtp.ts';

/** Packets kept to be sent again: 1,000 are three seconds at 3 Mbit/s. */
const KEPT = 1024;
const TICK = 4;
/** A tick sends as many, or an eighth of what waits: a key frame is out within about 30 ms. */
const BURST = 8;
const WINDOW = 10_000;

/** What of libdatachannel's Track is used. */
export type PacketSink = { isOpen(): boolean; sendMessageBinary(packet: Buffer): boolean };

export class Sending {
  readonly track: RtpTrack;
  packets = 0;
  octets = 0;
  resent = 0;
  #sink: PacketSink;
  #cname: string;
  #clock: MediaClock;
  #kept = new Map<number, Buffer>();
  #queue: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(track: RtpTrack, cname: string, sink: PacketSink) {
    this.track = track;
    this.#cname = cname;
    this.#sink = sink;
    this.#clock = new MediaClock(CLOCK_RATE[track.codec]);
  }

  /** ffmpeg writes a frame's packets all at once; sent like that, a key frame overruns small buffers on its way. */
  send(packet: Buffer): void {
    this.#clock.observe(timestampOf(packet), Date.now());
    this.#queue.push(packet);
    if (!this.#timer) this.#drain();
  }

  /** What is to be done about a packet of RTCP. Returns whether a key frame is asked for. */
  feedback(packet: Buffer): boolean {
    const { lost, keyFrame } = readFeedback(packet, this.track.ssrc);
    for (const sequence of lost) {
      const kept = this.#kept.get(sequence);
      if (kept && this.#write(kept)) this.resent++;
    }
    return keyFrame;
  }

  report(now: number): void {
    const timestamp = this.#clock.timestampAt(now);
    if (timestamp === undefined || this.packets === 0) return;
    const { ssrc } = this.track;
    const { packets, octets } = this;
    this.#write(senderReport({ ssrc, cname: this.#cname, packets, octets }, now, timestamp));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#kept.clear();
  }

  #drain(): void {
    const burst = Math.max(BURST, Math.ceil(this.#queue.length / 8));
    for (const packet of this.#queue.splice(0, burst)) this.#sendNow(packet);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#queue.length > 0) this.#drain();
    }, TICK);
  }

  #sendNow(packet: Buffer): void {
    if (!this.#write(packet)) return;
    this.packets++;
    this.octets += payloadOf(packet).length;
    this.#kept.set(sequenceOf(packet), packet);
    if (this.#kept.size > KEPT) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
  }

  #write(packet: Buffer): boolean {
    return this.#sink.isOpen() && this.#sink.sendMessageBinary(packet);
  }
}

/**
 * Which media time it is now. A packet comes at its time or later, never sooner: the
 * least delay within the last seconds is where the clock stands, whatever the encoder's hiccups.
 * Sound and picture are paced by one clock, so that they agree.
 */
export class MediaClock {
  #rate: number;
  #last: { timestamp: number; ticks: number } | undefined;
  /** Least of wall time minus media time (ms), in this window and the one before. */
  #least = Number.POSITIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;
  #windowEnd = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  observe(timestamp: number, now: number): void {
    // Timestamps wrap at 32 bits; ticks do not.
    const ticks = this.#last ? this.#last.ticks + ((timestamp - this.#last.timestamp) | 0) : timestamp;
    this.#last = { timestamp, ticks };
    if (now >= this.#windowEnd) {
      this.#leastBefore = this.#least;
      this.#least = Number.POSITIVE_INFINITY;
      this.#windowEnd = now + WINDOW;
    }
    this.#least = Math.min(this.#least, now - (ticks * 1000) / this.#rate);
  }

  timestampAt(now: number): number | undefined {
    const offset = Math.min(this.#least, this.#leastBefore);
    if (!Number.isFinite(offset)) return undefined;
    return Math.round(((now - offset) * this.#rate) / 1000) >>> 0;
  }
}
