/** Puts packets into the order of their numbers, each once. Pure: time comes in as an argument. */
import { type RtpPacket, sequenceDistance } from './rtp.ts';

export type Ordered<Packet> = {
  packet: Packet;
  /** When it came. */
  arrival: number;
  /** How many are missing right before it, and are given up. */
  missing: number;
};

/**
 * How long a gap is waited for. Media that has to be recorded has time: what a
 * publisher far away sends again comes some round trips late.
 */
const WAIT_MS = 400;
const MAX_HELD = 2000;
/** A leap further than this is not loss: the numbers begin anew. */
const MAX_GAP = 3000;
/** Long enough for those that are only swapped. */
const ASK_AFTER_MS = 15;
const ASK_EVERY_MS = 60;

type Held<Packet> = { packet: Packet; arrival: number };
type Sequenced = Pick<RtpPacket, 'sequence'>;

export class ReorderBuffer<Packet extends Sequenced> {
  /** Numbers that never came. */
  lost = 0;
  /** The next that is due, wrapped. */
  #next: number | undefined;
  /** In the order in which they came. */
  readonly #held = new Map<number, Held<Packet>>();
  #askedAt = 0;

  /** The packets that are in order now. */
  push(packet: Packet, now: number): Ordered<Packet>[] {
    this.#next ??= packet.sequence;
    const distance = sequenceDistance(this.#next, packet.sequence);
    if (Math.abs(distance) > MAX_GAP) return [...this.flush(), ...this.#restart(packet, now)];
    // Too late, or a second time.
    if (distance < 0 || this.#held.has(packet.sequence)) return [];
    if (distance === 0 && this.#held.size === 0) return this.#restart(packet, now);
    this.#held.set(packet.sequence, { packet, arrival: now });
    return this.#release(now);
  }

  /** Gives up gaps that were waited for long enough. */
  expire(now: number): Ordered<Packet>[] {
    return this.#release(now);
  }

  /** All that is held, gaps or not. */
  flush(): Ordered<Packet>[] {
    return this.#release(Number.POSITIVE_INFINITY);
  }

  /** Whether a gap is waited for: `expire` and `wanted` are worth calling then. */
  get waiting(): boolean {
    return this.#held.size > 0;
  }

  /** The numbers to ask for again now. */
  wanted(now: number): number[] {
    if (this.#held.size === 0 || this.#next === undefined) return [];
    if (now - this.#gapSince() < ASK_AFTER_MS || now - this.#askedAt < ASK_EVERY_MS) return [];
    this.#askedAt = now;
    const furthest = Math.max(...[...this.#held.keys()].map((key) => sequenceDistance(this.#next ?? 0, key)));
    const numbers = Array.from({ length: furthest }, (_, index) => ((this.#next ?? 0) + index) & 0xffff);
    return numbers.filter((number) => !this.#held.has(number));
  }

  #restart(packet: Packet, now: number): Ordered<Packet>[] {
    this.#next = (packet.sequence + 1) & 0xffff;
    return [{ packet, arrival: now, missing: 0 }];
  }

  #release(now: number): Ordered<Packet>[] {
    const released: Ordered<Packet>[] = [];
    let missing = 0;
    while (this.#held.size > 0 && this.#next !== undefined) {
      const held = this.#held.get(this.#next);
      if (held) {
        this.#held.delete(this.#next);
        released.push({ ...held, missing });
        missing = 0;
      } else if (this.#givesUp(now) || missing > 0) {
        missing += 1;
        this.lost += 1;
      } else break;
      this.#next = (this.#next + 1) & 0xffff;
    }
    return released;
  }

  #givesUp(now: number): boolean {
    return now - this.#gapSince() >= WAIT_MS || this.#held.size > MAX_HELD;
  }

  /** When the gap that is waited for was noticed. */
  #gapSince(): number {
    const [first] = this.#held.values();
    return first?.arrival ?? 0;
  }
}
