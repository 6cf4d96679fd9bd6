/**
 * Where on the recording's line of time a packet lies. Pure: all times are
 * arguments, in milliseconds of one clock that does not run backwards.
 *
 * RTP timestamps are even, but begin anywhere, and each track counts by a clock
 * of its own. Sender reports relate them to a common clock: mediasoup's, which
 * in its reports stands for when media was captured as soon as it knows, else
 * for when it came. Until there is a report, arrival has to do.
 */

/** What a track's clock may differ from arrival; beyond that the publisher's clock has leapt. */
const LEAP_MS = 1000;
/** A publisher that was cut off for a moment sends what it has, and is on time again. */
const LATE_FOR_MS = 3000;
/** Reports are as uneven as arrival where they stand for it: the median of so many counts, */
const REPORTS = 5;
/** unless the last two agree like this, as they do when they stand for capture. */
const AGREED_MS = 3;
/** How fast timestamps are moved to where they belong, in ms a second: nobody is to hear it, or see it. */
const SLEW = { audio: 1, video: 50 };

export type Kind = keyof typeof SLEW;

/** One track of one publisher. */
export class TrackClock {
  readonly #kind: Kind;
  readonly #rate: number;
  /** The newest timestamp, unwrapped: in ms of media time from the first. */
  #media = 0;
  #newest: number | undefined;
  /** What to add to media time; undefined until settled. */
  #offset: number | undefined;
  /** The least that arrival was after media time: what came with the least delay. */
  #earliest = Number.POSITIVE_INFINITY;
  #reports: number[] = [];
  #movedAt = 0;
  /** How much later than its time media usually comes. */
  #lag = 0;
  #lateSince: number | undefined;
  /** How often the publisher's clock has leapt. */
  leaps = 0;

  constructor(kind: Kind, clockRate: number) {
    this.#kind = kind;
    this.#rate = clockRate;
  }

  get settled(): boolean {
    return this.#offset !== undefined;
  }

  get reported(): boolean {
    return this.#reports.length > 0;
  }

  /** How far it is from where reports have it: positive if it is too late. */
  get error(): number {
    return this.#offset === undefined || !this.reported ? 0 : this.#offset - this.#reportedOffset;
  }

  get #reportedOffset(): number {
    const [last = 0, before = Number.NaN] = this.#reports.toReversed();
    return Math.abs(last - before) < AGREED_MS ? last : median(this.#reports);
  }

  /** A packet has come: for as long as the clock is not settled. */
  observe(timestamp: number, arrival: number): void {
    this.#earliest = Math.min(this.#earliest, arrival - this.#unwrap(timestamp));
  }

  /** A sender report: `timestamp` was at `time`. */
  report(time: number, timestamp: number): void {
    if (this.#newest === undefined) return;
    const candidate = time - this.#mediaTime(timestamp);
    // After a leap, reports speak of the line before it for a while.
    const known = this.#offset ?? this.#earliest;
    if (Math.abs(candidate - known) > LEAP_MS) return;
    this.#reports = [...this.#reports.slice(1 - REPORTS), candidate];
  }

  /**
   * @param byReports Or else by arrival: all tracks of a publisher alike.
   * @param error That of the track that this one has to be in step with.
   */
  settle(byReports: boolean, error = 0): void {
    this.#offset = byReports && this.reported ? this.#reportedOffset + error : this.#earliest;
    this.#movedAt = Number.NaN;
  }

  /**
   * The time of a packet or frame.
   * @param error That of the track that this one has to be in step with.
   */
  place(timestamp: number, arrival: number, error = 0): number {
    const before = this.#media;
    const media = this.#unwrap(timestamp);
    this.#slew(arrival, error);
    const late = arrival - (media + (this.#offset ?? 0));
    if (this.#hasLeapt(late, media - before, arrival)) {
      this.#offset = arrival - this.#lag - media;
      this.#reports = [];
      this.#lateSince = undefined;
      this.leaps += 1;
    } else if (Math.abs(late - this.#lag) < LEAP_MS) this.#lag += (late - this.#lag) / 50;
    return media + (this.#offset ?? 0);
  }

  /** Ahead of arrival, or backwards, at once; behind it only if that lasts: media may have been held up. */
  #hasLeapt(late: number, step: number, arrival: number): boolean {
    const behind = late - this.#lag;
    if (behind < LEAP_MS) this.#lateSince = undefined;
    if (behind < -LEAP_MS) return true;
    if (behind < LEAP_MS) return false;
    if (step < -LEAP_MS) return true;
    this.#lateSince ??= arrival;
    return arrival - this.#lateSince > LATE_FOR_MS;
  }

  #slew(now: number, error: number): void {
    const elapsed = Number.isNaN(this.#movedAt) ? 0 : Math.max(0, now - this.#movedAt);
    this.#movedAt = now;
    if (this.#offset === undefined || !this.reported) return;
    const most = (SLEW[this.#kind] * elapsed) / 1000;
    this.#offset -= Math.max(-most, Math.min(most, this.error - error));
  }

  /** Advances the newest. */
  #unwrap(timestamp: number): number {
    const media = this.#mediaTime(timestamp);
    this.#media = media;
    this.#newest = timestamp;
    return media;
  }

  #mediaTime(timestamp: number): number {
    if (this.#newest === undefined) return 0;
    return this.#media + (((timestamp - this.#newest) | 0) / this.#rate) * 1000;
  }
}

/** For a clock that cannot be read with ours: what to add to its times. What comes soonest is nearest. */
export class ClockOffset {
  #offset = Number.POSITIVE_INFINITY;

  /** @returns `theirs` in our time. */
  toOurs(theirs: number, ours: number): number {
    this.#offset = Math.min(this.#offset, ours - theirs);
    return theirs + this.#offset;
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
