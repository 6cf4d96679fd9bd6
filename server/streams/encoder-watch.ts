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
const MAX_REQUESTS = 8;
const MAX_SUSPICIONS = 2;
/** How long to look for key frames by their size before giving up. */
const NEVER_KEY_FRAME_MS = 10_000;

/**
 * What unanswered and promptly answered requests count, and when they make a
 * verdict: two unanswered, with one answer between at most, which may be a
 * coincidence. Good answers make a credit, so that a bad hour of a browser's
 * network is not taken for an encoder that ignores requests.
 */
const SCORE = { unanswered: 2, prompt: -1, least: -4, verdict: 3 };

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
  readonly #clock = new EncoderClock();
  /** Since the last key frame. */
  readonly #sizes = new FrameSizes();
  #firstFrameAt: number | undefined;
  #lastFrameAt = Number.NEGATIVE_INFINITY;
  /** Frames have come since then without a pause. */
  #flowingSince = 0;
  #keyFrame: { at: number; timestamp: number } | undefined;
  #request: Request | undefined;
  #score = 0;
  /** Some request was answered, or none was and the score says so. */
  #tested = false;
  #ignoring = false;
  #settled = false;
  #requests = 0;
  #requestedAt = Number.NEGATIVE_INFINITY;
  #suspicions = 0;
  /** A key frame came that nobody had asked for, long after the last. */
  #suspicious = false;

  constructor(options: EncoderWatchOptions, report: (code: FindingCode) => void) {
    this.#options = options;
    this.#report = report;
  }

  get undecided(): boolean {
    if (this.#settled || this.#firstFrameAt === undefined) return false;
    return !this.#keyFrame || this.#request !== undefined || this.#score > 0 || this.#suspicious;
  }

  packet(packet: RtpPacket, now: number): void {
    // Padding has a sequence number, but belongs to no frame.
    if (packet.payloadSize === 0 || !this.#order.add(packet, now)) return;
    if (this.#order.bFrames) this.#report('b_frames');
    const encodedAt = this.#clock.time(packet.timestamp, now);
    const begins = this.#sizes.add(packet.timestamp, packet.payloadSize);
    if (begins) this.#frameBegins(now);
    if (packet.isKeyFrame) this.#keyFrameBegins(packet, encodedAt);
    else if (begins) this.#judge(encodedAt);
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

  #keyFrameBegins({ timestamp, payloadSize }: RtpPacket, at: number): void {
    const last = this.#keyFrame;
    if (last?.timestamp === timestamp) return;
    this.#keyFrame = { at, timestamp };
    this.#sizes.clear();
    this.#sizes.add(timestamp, payloadSize);
    if (this.#request) {
      this.#tested = true;
      if (at - this.#request.since <= PROMPT_MS) this.#count(SCORE.prompt);
    } else if (last && at - last.at > UNANSWERED_MS && this.#suspicions < MAX_SUSPICIONS) {
      this.#suspicions += 1;
      this.#suspicious = true;
    }
    this.#request = undefined;
  }

  /** A frame began that is no key frame. */
  #judge(at: number): void {
    if (this.#request && at - this.#request.since > UNANSWERED_MS) {
      if (this.#request.flowing && this.#request.times > 1) this.#count(SCORE.unanswered);
      this.#request = undefined;
    }
    if (this.#ignoring || !this.#options.requestable) this.#judgeKeyFrames(at);
    else if (this.#requestDue(at)) {
      this.#requests += 1;
      this.#requestedAt = at;
      this.#tested = true;
      this.#suspicious = false;
      this.#options.requestKeyFrame();
    }
  }

  #count(points: number): void {
    this.#score = Math.max(this.#score + points, SCORE.least);
    if (this.#score >= SCORE.verdict) this.#ignoring = true;
  }

  /** The encoder sends key frames when it likes, or what it sends is not known for key frames. */
  #judgeKeyFrames(at: number): void {
    if (this.#settled) return;
    const without = at - Math.max(this.#keyFrame?.at ?? this.#flowingSince, this.#flowingSince);
    if (this.#ignoring || without > LONG_INTERVAL_MS) {
      if (this.#parameterSetsMissing()) {
        this.#settled = true;
        this.#report('parameter_sets');
        return;
      }
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

  #requestDue(at: number): boolean {
    if (this.#requests >= MAX_REQUESTS || at - this.#requestedAt < REPEAT_MS) return false;
    if (this.#request) {
      return this.#request.flowing && this.#request.times === 1 && at - this.#request.since >= REPEAT_MS;
    }
    const sinceKeyFrame = at - (this.#keyFrame?.at ?? Number.NEGATIVE_INFINITY);
    if (this.#score > 0) return sinceKeyFrame >= AFTER_KEY_FRAME_MS.from;
    if (this.#suspicious && sinceKeyFrame >= AFTER_KEY_FRAME_MS.from) {
      this.#suspicious = false;
      return sinceKeyFrame <= AFTER_KEY_FRAME_MS.to;
    }
    const { afterKeyFrame, withoutKeyFrame } = FIRST_REQUEST_MS;
    const wait = this.#keyFrame ? afterKeyFrame : withoutKeyFrame;
    return !this.#tested && at - Math.max(this.#firstFrameAt ?? at, this.#flowingSince) >= wait;
  }
}
