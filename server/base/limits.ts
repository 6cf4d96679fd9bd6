/**
 * Limits on how fast and how much. Pure: time comes in as an argument, in
 * milliseconds of any clock that does not run backwards.
 */
import { isIPv6 } from 'node:net';

/** `rate` tokens a second flow in, up to `burst`; each event takes one or is refused. */
export class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #updated: number;

  constructor({ rate, burst, now }: { rate: number; burst: number; now: number }) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#updated = now;
  }

  take(now: number): boolean {
    this.#refill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Whether it stands as if nothing had ever been taken. */
  isFull(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= this.#burst;
  }

  isEmpty(now: number): boolean {
    this.#refill(now);
    return this.#tokens < 1;
  }

  #refill(now: number): void {
    const elapsed = Math.max(0, now - this.#updated);
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed / 1000) * this.#rate);
    this.#updated = Math.max(this.#updated, now);
  }
}

/**
 * A bucket for each key, of which there may be at most `maxKeys`. A full bucket
 * is as good as none, so those are dropped first; if all are in use, the one
 * that was idle the longest goes. Forgetting a key only ever lets something pass.
 */
export class KeyedLimiter {
  readonly #options: { rate: number; burst: number; maxKeys: number };
  /** In order of last use, the longest idle first. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: { rate: number; burst: number; maxKeys?: number }) {
    this.#options = { maxKeys: 10_000, ...options };
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Whether `take` would be refused; takes nothing. */
  isEmpty(key: string, now: number): boolean {
    return this.#buckets.get(key)?.isEmpty(now) ?? false;
  }

  take(key: string, now: number): boolean {
    const bucket = this.#buckets.get(key) ?? new TokenBucket({ ...this.#options, now });
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const allowed = bucket.take(now);
    this.#dropIdle(now);
    return allowed;
  }

  /** Looks at two old keys for each new use: enough to shrink, without ever taking long. */
  #dropIdle(now: number): void {
    let looks = 2;
    for (const [key, bucket] of this.#buckets) {
      if (looks-- === 0) return;
      if (this.#buckets.size <= this.#options.maxKeys && !bucket.isFull(now)) return;
      this.#buckets.delete(key);
    }
  }
}

/** Counts what is open for each key, and refuses more than `max`. Holds only keys that have something open. */
export class KeyedCounter {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#counts.size;
  }

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Gives the function that releases it again (idempotent), or undefined if there are too many. */
  acquire(key: string): (() => void) | undefined {
    const count = this.count(key);
    if (count >= this.#max) return undefined;
    this.#counts.set(key, count + 1);
    let held = true;
    return () => {
      if (held) this.#release(key);
      held = false;
    };
  }

  #release(key: string): void {
    const left = this.count(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The part of an address that one client cannot change at will: all of an IPv4
 * address, the /64 of an IPv6 one, since a subscriber gets at least that much
 * (RFC 6177) and hosts choose the rest themselves (RFC 8981).
 */
export function addressKey(ip: string): string {
  const address = ip.replace(/%.*$/, '');
  const mapped = MAPPED_IPV4.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${all.slice(0, 4).join(':')}::/64`;
}

function groups(text: string): string[] {
  if (text === '') return [];
  // A dotted tail (64:ff9b::192.0.2.1) fills two groups; it lies in the half that is not kept.
  return text
    .split(':')
    .flatMap((group) => (group.includes('.') ? ['0', '0'] : [group.replace(/^0+(?=.)/, '')]));
}
