export type FindingCode = 'b_frames' | 'key_frame_ignored' | 'key_frame_interval' | 'parameter_sets';

/** Something an encoder does that disturbs viewers; `message` is for the person at the encoder. */
export type Finding = { readonly code: FindingCode; readonly message: string };

const MESSAGES: Record<FindingCode, string> = {
  b_frames:
    'the encoder sends B-frames, which make pictures jump and add delay: set B-frames to 0 in the encoder',
  key_frame_ignored:
    'the encoder sends no key frame when it is asked for one, so new viewers wait for their picture and errors stay in it: set the key frame interval to 1 or 2 seconds in the encoder',
  key_frame_interval:
    'the encoder sends key frames more than 4 seconds apart, and viewers see nothing until the next one: set the key frame interval to 2 seconds or less in the encoder',
  parameter_sets:
    'the encoder leaves the H.264 parameter sets (SPS and PPS) out of the stream, so viewers see no picture: set the encoder to repeat them with every key frame ("repeat headers")',
};

export type RtpPacket = {
  readonly ssrc: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly payloadSize: number;
  readonly isKeyFrame: boolean;
};

export type EncoderWatchOptions = {
  /** mediasoup knows an H.264 key frame by its SPS alone: without, it sees none. */
  h264: boolean;
  /** The SDP had `sprop-parameter-sets`. */
  parameterSetsInSdp: boolean;
  /** PLI or FIR was negotiated. Without, key frames come when the encoder likes. */
  requestable: boolean;
  onFinding: (finding: Finding) => void;
  /** A request is due, to see whether it is answered: at most a few a stream. */
  requestKeyFrame: () => void;
};

/** RTP timestamps of video tick at 90 kHz (RFC 6184, section 8.2.1; RFC 7741, section 6.1). */
const TICKS_PER_MS = 90;
/** The contract's 2 s, and so much that an encoder with a key frame every 2 s exactly stays in. */
const UNANSWERED_MS = 2250;
/** A key frame sooner than this after a request is an answer to it, if not by chance. */
const PROMPT_MS = 1000;
/** Requests get lost too: one without answer is repeated after this time. */
const REPEAT_MS = 1000;
/** Frames further apart than this are no flow: still pictures, muted video, a congested network. */
const PAUSE_MS = 700;
/** The contract's 4 s, and jitter. */
const LONG_INTERVAL_MS = 4250;
/** When an encoder of which no viewer has asked anything yet is asked. */
const FIRST_REQUEST_MS = { afterKeyFrame: 2500, withoutKeyFrame: 1000 };
/** Asked so soon after a key frame, an encoder that ignores requests can't seem to answer by its interval. */
const AFTER_KEY_FRAME_MS = { from: 500, to: 1000 };
const MAX_REQUESTS = 16;
/** Key frames after which an encoder that answered is asked again. */
const MAX_SUSPICIONS = 4;
/** How long to look for key frames by their size before giving up. */
const NEVER_KEY_FRAME_MS = 10_000;

/**
 * What unanswered and promptly answered requests count, and when they make a
 * verdict: three unanswered, with one answer between at most, which may be a
 * coincidence. Good answers make a credit, so that a bad hour of a browser's
 * network is not taken for an encoder that ignores requests.
 */
const SCORE = { unanswered: 2, prompt: -1, least: -4, verdict: 5, verdictWithoutKeyFrame: 3 };

/**
 * Notices from RTP headers and key frame requests what an encoder does to the
 * detriment of viewers; tells each finding once. All times are ms of one
 * monotonic clock.
 *
 * Packets may be sampled: nothing is concluded from their absence. A long key
 * frame interval is only told of an encoder that can't be asked or does not
 * answer; browsers send key frames on request alone, which is as it should be.
 */
export class EncoderWatch {
  readonly #options: EncoderWatchOptions;
  readonly #streams = new Map<number, StreamWatch>();
  readonly #found = new Set<FindingCode>();

  constructor(options: EncoderWatchOptions) {
    this.#options = options;
  }

  /** Whether something is about to show that needs every packet to be seen. */
  get undecided(): boolean {
    return [...this.#streams.values()].some((stream) => stream.undecided);
  }

  packet(packet: RtpPacket, now: number): void {
    this.#stream(packet.ssrc).packet(packet, now);
  }

  /** A PLI or FIR went out. */
  keyFrameRequested(ssrc: number, now: number): void {
    this.#stream(ssrc).keyFrameRequested(now);
  }

  /** One for each simulcast layer; mediasoup accepts no more SSRCs than were negotiated. */
  #stream(ssrc: number): StreamWatch {
    let stream = this.#streams.get(ssrc);
    if (!stream) {
      stream = new StreamWatch(this.#options, (code) => this.#report(code));
      this.#streams.set(ssrc, stream);
    }
    return stream;
  }

  #report(code: FindingCode): void {
    if (this.#found.has(code)) return;
    this.#found.add(code);
    this.#options.onFinding({ code, message: MESSAGES[code] });
  }
}

/** A request for a key frame that has not come. */
type Request = { since: number; times: number; flowing: boolean };

class StreamWatch {
  readonly #options: EncoderWatchOptions;
  readonly #report: (code: FindingCode) => void;
  readonly #order = new FrameOrder();
  /** Since the last key frame. */
  readonly #sizes = new FrameSizes();
  #firstFrameAt: number | undefined;
  #lastFrameAt = Number.NEGATIVE_INFINITY;
  /** Frames have come since then without a pause. */
  #flowingSince = 0;
  #keyFrame: { at: number; timestamp: number } | undefined;
  #request: Request | undefined;
  #score = 0;
  /** A request was answered, or this watch has asked. */
  #tested = false;
  #settled = false;
  #requests = 0;
  #requestedAt = Number.NEGATIVE_INFINITY;
  /** Between the last two key frames. */
  #interval = Number.POSITIVE_INFINITY;
  #suspicions = 0;
  /** A key frame came long after the last, as no answer to a request. */
  #suspicious = false;

  constructor(options: EncoderWatchOptions, report: (code: FindingCode) => void) {
    this.#options = options;
    this.#report = report;
  }

  get undecided(): boolean {
    if (this.#settled || this.#firstFrameAt === undefined) return false;
    if (!this.#keyFrame) return true;
    if (this.#ignoring || !this.#options.requestable) return this.#interval > LONG_INTERVAL_MS;
    return this.#request !== undefined || this.#score > 0 || this.#suspicious;
  }

  get #ignoring(): boolean {
    return this.#score >= (this.#keyFrame ? SCORE.verdict : SCORE.verdictWithoutKeyFrame);
  }

  packet(packet: RtpPacket, now: number): void {
    // Padding has a sequence number, but belongs to no frame.
    if (packet.payloadSize === 0) return;
    this.#order.add(packet, now);
    if (this.#order.bFrames) this.#report('b_frames');
    const begins = this.#sizes.add(packet.timestamp, packet.payloadSize);
    if (begins) this.#frameBegins(now);
    if (packet.isKeyFrame) this.#keyFrameBegins(packet, now);
    else if (begins) this.#judge(now);
  }

  keyFrameRequested(now: number): void {
    if (this.#request) this.#request.times += 1;
    else this.#request = { since: now, times: 1, flowing: true };
  }

  #frameBegins(now: number): void {
    const paused = now - this.#lastFrameAt > PAUSE_MS;
    if (paused) this.#flowingSince = now;
    if (this.#request && now - Math.max(this.#lastFrameAt, this.#request.since) > PAUSE_MS) {
      this.#request.flowing = false;
    }
    this.#lastFrameAt = now;
    this.#firstFrameAt ??= now;
  }

  #keyFrameBegins({ timestamp, payloadSize }: RtpPacket, now: number): void {
    const last = this.#keyFrame;
    if (last?.timestamp === timestamp) return;
    this.#keyFrame = { at: now, timestamp };
    if (last) this.#interval = now - last.at;
    this.#sizes.clear();
    this.#sizes.add(timestamp, payloadSize);
    const wait = this.#request && now - this.#request.since;
    if (wait !== undefined) this.#tested = true;
    if (wait !== undefined && wait <= PROMPT_MS) this.#count(SCORE.prompt);
    else if (last && this.#interval > UNANSWERED_MS) this.#suspicious = this.#suspicions < MAX_SUSPICIONS;
    this.#request = undefined;
  }

  /** A frame began that is no key frame. */
  #judge(now: number): void {
    if (this.#request && now - this.#request.since > UNANSWERED_MS) {
      if (this.#request.flowing && this.#request.times > 1) this.#count(SCORE.unanswered);
      this.#request = undefined;
    }
    if (this.#ignoring || !this.#options.requestable) this.#judgeKeyFrames(now);
    else if (this.#requestDue(now)) {
      this.#requests += 1;
      this.#requestedAt = now;
      this.#tested = true;
      this.#options.requestKeyFrame();
    }
  }

  #count(points: number): void {
    this.#score = Math.max(this.#score + points, SCORE.least);
  }

  /** The encoder sends key frames when it likes, or what it sends is not known for key frames. */
  #judgeKeyFrames(now: number): void {
    if (this.#settled) return;
    const without = now - Math.max(this.#keyFrame?.at ?? this.#flowingSince, this.#flowingSince);
    if ((this.#ignoring || without > LONG_INTERVAL_MS) && this.#parameterSetsMissing()) {
      this.#settled = true;
      this.#report('parameter_sets');
      return;
    }
    // Sizes may tell yet.
    if (this.#options.h264 && !this.#keyFrame && without < NEVER_KEY_FRAME_MS) return;
    if (this.#ignoring) this.#report('key_frame_ignored');
    this.#settled = without > LONG_INTERVAL_MS;
    if (this.#settled && (this.#keyFrame || !this.#ignoring)) this.#report('key_frame_interval');
  }

  /**
   * H.264 without parameter sets in-band: payloads are not to be seen here, but
   * the SDP had them, or there are frames as large as key frames. Where one was
   * known for a key frame, those must come regularly: else they may be changes
   * of the picture.
   */
  #parameterSetsMissing(): boolean {
    if (!this.#options.h264) return false;
    if (this.#keyFrame) return this.#sizes.regularSpikes;
    return this.#options.parameterSetsInSdp || this.#sizes.spikes.length > 0;
  }

  #requestDue(now: number): boolean {
    if (this.#requests >= MAX_REQUESTS || now - this.#requestedAt < REPEAT_MS) return false;
    if (this.#request) {
      return this.#request.flowing && this.#request.times === 1 && now - this.#request.since >= REPEAT_MS;
    }
    const sinceKeyFrame = now - (this.#keyFrame?.at ?? Number.NEGATIVE_INFINITY);
    const afterKeyFrame = sinceKeyFrame >= AFTER_KEY_FRAME_MS.from && sinceKeyFrame <= AFTER_KEY_FRAME_MS.to;
    if (this.#score > 0) return afterKeyFrame || !this.#keyFrameExpected(sinceKeyFrame);
    if (this.#suspicious && sinceKeyFrame >= AFTER_KEY_FRAME_MS.from) {
      this.#suspicious = false;
      this.#suspicions += afterKeyFrame ? 1 : 0;
      return afterKeyFrame;
    }
    const wait = this.#keyFrame ? FIRST_REQUEST_MS.afterKeyFrame : FIRST_REQUEST_MS.withoutKeyFrame;
    return !this.#tested && now - Math.max(this.#firstFrameAt ?? now, this.#flowingSince) >= wait;
  }

  /** Whether the next one by the interval would pass for an answer. */
  #keyFrameExpected(sinceKeyFrame: number): boolean {
    return sinceKeyFrame > this.#interval - UNANSWERED_MS && sinceKeyFrame < this.#interval * 1.5;
  }
}

const ORDER = { ring: 512, period: 4000, longestStep: 1000 * TICKS_PER_MS, steps: 3, share: 1 / 20 };

/**
 * Finds B-frames, which are sent before frames that are shown earlier: again
 * and again the timestamp steps back by a frame or some. Compares only packets
 * with adjacent sequence numbers, in whatever order they come.
 */
class FrameOrder {
  readonly #sequenceNumbers = new Int32Array(ORDER.ring).fill(-1);
  readonly #timestamps = new Uint32Array(ORDER.ring);
  #since = 0;
  #steps = 0;
  #ticks = 0;
  #back: number[] = [];

  add({ sequenceNumber, timestamp }: RtpPacket, now: number): void {
    const slot = sequenceNumber % ORDER.ring;
    this.#sequenceNumbers[slot] = sequenceNumber;
    this.#timestamps[slot] = timestamp;
    if (now - this.#since > ORDER.period) {
      this.#since = now;
      this.#steps = 0;
      this.#ticks = 0;
      this.#back = [];
    }
    this.#compare((sequenceNumber - 1) & 0xffff, timestamp, -1);
    this.#compare((sequenceNumber + 1) & 0xffff, timestamp, 1);
  }

  /** Steps shorter than frames are apart are the corrections of a clock. */
  get bFrames(): boolean {
    const frame = this.#ticks / this.#steps;
    const steps = this.#back.filter((ticks) => ticks >= frame / 2).length;
    return steps >= ORDER.steps && steps >= this.#steps * ORDER.share;
  }

  #compare(neighbour: number, timestamp: number, sign: 1 | -1): void {
    const slot = neighbour % ORDER.ring;
    if (this.#sequenceNumbers[slot] !== neighbour) return;
    const step = sign * difference(this.#timestamps[slot] ?? 0, timestamp);
    if (step === 0 || Math.abs(step) > ORDER.longestStep) return;
    this.#steps += 1;
    this.#ticks += step;
    if (step < 0) this.#back.push(-step);
  }
}

const SPIKE = {
  frames: 512,
  leastFrames: 30,
  factor: 3,
  regular: 3,
  leastGap: 400 * TICKS_PER_MS,
  slack: 1.2,
};

/** Sizes of frames, of which key frames are several times larger than others. */
class FrameSizes {
  #frames: { timestamp: number; bytes: number }[] = [];

  clear(): void {
    this.#frames = [];
  }

  /** @returns whether this is a new frame. */
  add(timestamp: number, bytes: number): boolean {
    const known = this.#frames.findLast((frame) => frame.timestamp === timestamp);
    if (known) known.bytes += bytes;
    else this.#frames.push({ timestamp, bytes });
    if (this.#frames.length > SPIKE.frames) this.#frames.shift();
    return !known;
  }

  /** Their timestamps. */
  get spikes(): number[] {
    if (this.#frames.length < SPIKE.leastFrames) return [];
    const sizes = this.#frames.map(({ bytes }) => bytes).sort((a, b) => a - b);
    const median = sizes[sizes.length >> 1] ?? 0;
    return this.#frames
      .filter(({ bytes }) => bytes >= median * SPIKE.factor)
      .map(({ timestamp }) => timestamp);
  }

  get regularSpikes(): boolean {
    const spikes = this.spikes;
    if (spikes.length < SPIKE.regular) return false;
    const gaps = spikes.slice(1).map((timestamp, index) => difference(timestamp, spikes[index] ?? 0));
    const least = Math.min(...gaps);
    return least >= SPIKE.leastGap && Math.max(...gaps) <= least * SPIKE.slack;
  }
}

/** `a - b` of 32-bit timestamps that wrap around. */
function difference(a: number, b: number): number {
  return (a - b) | 0;
}
