import type { Config } from '../../config/schema.ts';
import { PharosError } from '../base/errors.ts';
import { addressKey, KeyedCounter, KeyedLimiter } from '../base/limits.ts';
import type { ErrorCode } from '../protocol/codes.ts';

/** What one address may take of this server, whichever door it comes through; and how often it was told no. */
export class Admission {
  readonly #sessions: KeyedCounter;
  readonly #joins: KeyedLimiter;
  readonly #refusals = new Map<ErrorCode, number>();
  readonly #isOverloaded: () => boolean;

  /** @param isOverloaded Whether the server has no time for more. */
  constructor(limits: Config['limits'], isOverloaded: () => boolean = () => false) {
    this.#isOverloaded = isOverloaded;
    this.#sessions = new KeyedCounter(limits.connectionsPerAddress);
    this.#joins = new KeyedLimiter({ rate: limits.joinsPerAddress / 60, burst: limits.joinsPerAddress });
  }

  /** Figures for health and metrics. */
  get refusals(): Record<string, number> {
    return Object.fromEntries(this.#refusals);
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
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }
}
