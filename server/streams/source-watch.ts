import type { Sending, Source } from '../protocol/messages.ts';

/** How fast the smoothed loss follows: so much of each look. */
const FOLLOW = 0.3;
/** Smoothed loss from which on an upload is weak, and below which it no longer is. */
const WEAK = { from: 0.04, until: 0.015 };
/** Fewer packets in a look say little. */
const PACKETS = 20;
/** What a publisher's browser said counts for so long, in ms; it says something every 5 s. */
const STALE_MS = 20_000;
/** So many reports in a row change what is told of its limitation. */
const IN_A_ROW = 2;

/** What the server counted of a publisher's packets, all of its tracks together. */
export type Counted = { packets: number; lost: number };

/**
 * What limits a publisher, told only when that lasts: by its own reports, and by the packets that do not come.
 * Pure: time comes in, in ms of a clock that does not run backwards.
 */
export class SourceWatch {
  #limitation: Source['limitation'] = 'none';
  #said: { limitation: Source['limitation']; times: number; at: number } | undefined;
  #counted: Counted | undefined;
  #loss = 0;
  #weak = false;

  get value(): Source {
    return { limitation: this.#limitation, weak: this.#weak };
  }

  /** Its own report. @returns whether what is to be told has changed. */
  report({ limitation }: Pick<Sending, 'limitation'>, now: number): boolean {
    const times = this.#said?.limitation === limitation ? this.#said.times + 1 : 1;
    this.#said = { limitation, times, at: now };
    return this.#limit(times >= IN_A_ROW ? limitation : this.#limitation);
  }

  /** Counts since its beginning, every few seconds. @returns whether what is to be told has changed. */
  count(counted: Counted, now: number): boolean {
    const before = this.#counted ?? { packets: 0, lost: 0 };
    this.#counted = counted;
    const packets = counted.packets - before.packets;
    // It goes down when some were only late.
    const lost = Math.max(0, counted.lost - before.lost);
    if (packets + lost >= PACKETS) this.#loss += (lost / (packets + lost) - this.#loss) * FOLLOW;
    const weak = this.#loss > (this.#weak ? WEAK.until : WEAK.from);
    const changed = weak !== this.#weak;
    this.#weak = weak;
    const stale = this.#said !== undefined && now - this.#said.at > STALE_MS;
    return this.#limit(stale ? 'none' : this.#limitation) || changed;
  }

  #limit(limitation: Source['limitation']): boolean {
    if (limitation === this.#limitation) return false;
    this.#limitation = limitation;
    return true;
  }
}
