/** RFC 4585, section 6.3.1: a request may get lost on its way, and so may the answer. */
const REPEAT_MS = 1000;
const GIVE_UP_MS = 30_000;
/** What mediasoup still repeats of itself after that is not taken for a viewer's request. */
const QUIET_MS = 3 * REPEAT_MS;

/**
 * Repeats a request for a key frame each second until one comes, for half a
 * minute at most. mediasoup repeats it once, and viewers of a screen that
 * stands still see no frames that they would miss a key frame in.
 */
export class KeyFrameRequests {
  readonly #repeat: () => void;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #quietUntil = 0;

  constructor(repeat: () => void) {
    this.#repeat = repeat;
  }

  /** A request went to the encoder: a viewer's, or a repeated one. */
  requested(): void {
    const now = performance.now();
    if (this.#timer || now < this.#quietUntil) return;
    this.#since = now;
    this.#timer = setInterval(() => this.#due(), REPEAT_MS);
  }

  answered(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#quietUntil = 0;
  }

  close(): void {
    this.answered();
  }

  #due(): void {
    const now = performance.now();
    if (now - this.#since < GIVE_UP_MS) {
      this.#repeat();
      return;
    }
    this.answered();
    this.#quietUntil = now + QUIET_MS;
  }
}
