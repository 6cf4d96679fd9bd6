/** How much goes up a data channel: pushed faster and faster until it does not go faster any more. */

/** What of a data channel is used. */
export type Channel = Pick<RTCDataChannel, 'readyState' | 'bufferedAmount' | 'send'>;

/** One packet each, so that what is sent comes evenly. */
const CHUNK = new Uint8Array(1100);
/** In ms. */
const TICK = 20;
const LATE = 100;
const MOST_TIME = 3000;
/** Bits per second to begin with, and by how much more it is every second, as a factor. */
const FIRST = 250_000;
const FASTER = 8;
/** So much waiting to be sent, in ms, is a backlog: it goes slower than it is pushed, or is about to go faster. */
const BACKLOG = 60;
/** So long a backlog has to be looked at until it is known which, in ms. */
const JUDGE = 300;
/** Over how long a speed is measured, in ms: for a shorter time queues on the way may have taken more. */
const MEASURE = 600;
/** After that the speed found is held for so long at most, a little below, to see whether it lasts. */
const HOLD = { ms: 1000, share: 0.9 };

/** With less than this share of what went altogether, it stands still. */
const STILL = 0.5;

type Count = { readonly at: number; readonly gone: number };

/**
 * How fast to push, and what was found. A push beyond what the way carries would fill its queues, and SCTP,
 * which is quick to double its speed and slow to mend a loss, would stand still for a while: so it is made
 * faster while all goes, and when it does not, what went is found, and held a little below to see whether it
 * lasts. Pure: time comes in, in ms of a clock that does not run backwards.
 */
export class UploadPace {
  readonly #most: number;
  readonly #counts: Count[] = [];
  #rate: number;
  #backlogSince: number | undefined;
  #held: Count | undefined;
  #begun: Count | undefined;
  #best = 0;

  /** @param most Bits per second, never to be exceeded. */
  constructor(most: number) {
    this.#most = most;
    this.#rate = Math.min(FIRST, most);
  }

  /** Bits per second to push now. */
  get rate(): number {
    return this.#rate;
  }

  /** Bits per second that go, as far as it is known. */
  get found(): number {
    const last = this.#counts.at(-1);
    if (!this.#held || !last) return Math.round(this.#best);
    // Of a moment no speed can be told; and where it stood still nevertheless, what went before counts.
    const lately = last.at - this.#held.at < JUDGE ? this.#rate : speed(this.#held, last);
    const altogether = this.#begun ? speed(this.#begun, last) : 0;
    return Math.round(lately < altogether * STILL ? altogether : lately);
  }

  /** Whether nothing more is to be found. */
  look(now: Count, waiting: number): boolean {
    this.#begun ??= now;
    const last = this.#counts.at(-1) ?? now;
    this.#counts.push(now);
    while ((this.#counts[1]?.at ?? now.at) <= now.at - MEASURE) this.#counts.shift();
    if (this.#held) return now.at - this.#held.at >= HOLD.ms;
    if (waiting <= (this.#rate / 8000) * BACKLOG + CHUNK.length) {
      this.#backlogSince = undefined;
      this.#best = Math.max(this.#best, Math.min(this.#over(MEASURE), this.#rate));
      this.#rate = Math.min(this.#most, this.#rate * FASTER ** ((now.at - last.at) / 1000));
      return false;
    }
    this.#backlogSince ??= now.at;
    if (now.at - this.#backlogSince < JUDGE) return false;
    // SCTP may only have been about to go faster.
    this.#backlogSince = now.at;
    const going = this.#over(JUDGE);
    if (going >= this.#rate * HOLD.share) return false;
    this.#held = now;
    this.#rate = going * HOLD.share;
    return false;
  }

  #over(milliseconds: number): number {
    const now = this.#counts.at(-1);
    const from = now && this.#counts.find(({ at }) => at >= now.at - milliseconds);
    return from ? speed(from, now) : 0;
  }
}

/** Bits per second. */
function speed(from: Count, to: Count): number {
  return to.at > from.at ? ((to.gone - from.gone) * 8000) / (to.at - from.at) : 0;
}

/**
 * Pushes for 3 s at most.
 * @param most Bits per second; no more are pushed.
 * @returns bits per second, at least; undefined if the channel broke.
 */
export async function measureUpload(
  channel: Channel,
  most: number,
  onProgress: (bitrate: number) => void,
): Promise<number | undefined> {
  const pace = new UploadPace(most);
  const begun = performance.now();
  let [sent, due, last] = [0, 0, begun];
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, TICK));
    if (channel.readyState !== 'open') return undefined;
    const now = performance.now();
    const over = pace.look({ at: now, gone: sent - channel.bufferedAmount }, channel.bufferedAmount);
    if (over || now - begun >= MOST_TIME) return pace.found;
    onProgress(pace.found);
    // A page that comes late is not to catch up all at once.
    const [step, bytes] = [Math.min(now - last, LATE), pace.rate / 8000];
    last = now;
    due = Math.min(due + bytes * step, bytes * LATE);
    while (due >= CHUNK.length) {
      channel.send(CHUNK);
      sent += CHUNK.length;
      due -= CHUNK.length;
    }
  }
}
