import type { Config } from '../../config/schema.ts';
import { PharosError } from '../base/errors.ts';
import { addressKey, KeyedCounter, KeyedLimiter } from '../base/limits.ts';
import { RecentCount } from '../base/recent.ts';
import type { ErrorCode } from '../protocol/codes.ts';

/** What counts as recent, in ms. */
export const RECENT_MS = 600_000;

/** What one address may take of this server, whichever door it comes through; and how often it was told no. */
export class Admission {
  readonly #sessions: KeyedCounter;
  readonly #joins: KeyedLimiter;
  readonly #refusals = new Map<ErrorCode, { total: number; recent: RecentCount }>();
  readonly #isOverloaded: () => boolean;

  /** @param isOverloaded Whether the server has no time for more. */
  constructor(limits: Config['limits'], isOverloaded: () => boolean = () => false) {
    this.#isOverloaded = isOverloaded;
    this.#sessions = new KeyedCounter(limits.connectionsPerAddress);
    this.#joins = new KeyedLimiter({ rate: limits.joinsPerAddress / 60, burst: limits.joinsPerAddress });
  }

  /** Figures for health and metrics. */
  get refusals(): Record<string, number> {
    return Object.fromEntries([...this.#refusals].map(([code, { total }]) => [code, total]));
  }

  /** All so far, and those of the last RECENT_MS. */
  recentRefusals(): { code: ErrorCode; total: number; recent: number }[] {
    const now = performance.now();
    return [...this.#refusals].map(([code, { total, recent }]) => ({
      code,
      total,
      recent: recent.count(now),
    }));
  }

  /**
   * Takes one of the address's places: a WebSocket, a WHIP or WHEP session.
   * @returns the function that gives it back, or undefined if there are too many.
   */
  enter(address: string): (() => void) | undefined {
    return this.#sessions.acquire(addressKey(address));
  }

  /** Counts a request to publish or watch. @throws PharosError `server_full` while overloaded, `too_many_requests`. */
  join(address: string): void {
    if (this.#isOverloaded()) {
      throw new PharosError('server_full', 'the server is too busy for more just now; try again in a moment');
    }
    if (this.#joins.take(addressKey(address), performance.now())) return;
    throw new PharosError('too_many_requests', 'too many joins from this address; try again in a minute');
  }

  refused(code: ErrorCode): void {
    const known = this.#refusals.get(code) ?? { total: 0, recent: new RecentCount(RECENT_MS) };
    known.total += 1;
    known.recent.add(performance.now());
    this.#refusals.set(code, known);
  }
}
