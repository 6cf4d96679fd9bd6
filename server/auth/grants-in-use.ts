import type { EndOfGrant, Grant, Terms } from './grant.ts';

type InUse = { terms: Terms; listener: (why: EndOfGrant) => void; timer: NodeJS.Timeout | undefined };

/** The longest time that a timer of Node's can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Grants by which something goes on, each ended as soon as it no longer holds. */
export class GrantsInUse {
  readonly #inUse = new Set<InUse>();
  readonly #endOf: (terms: Terms) => EndOfGrant | undefined;
  readonly #now: () => number;

  /** @param endOf why it does not hold any more, or undefined while it does. */
  constructor(endOf: (terms: Terms) => EndOfGrant | undefined, now: () => number) {
    this.#endOf = endOf;
    this.#now = now;
  }

  get size(): number {
    return this.#inUse.size;
  }

  grant(terms: Terms): Grant {
    const { subject, id, actions, limits } = terms;
    return { subject, id, actions, limits, onEnd: (listener) => this.#use(terms, listener) };
  }

  /** Ends those that do not hold any more: all of them, also where the end of one fails. @throws that failure. */
  check(): void {
    const failures: unknown[] = [];
    for (const each of this.#inUse) {
      try {
        this.#check(each);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'the end of a grant was not carried out');
  }

  /** The latest expiry of those in use with this id, in ms since 1970. */
  expiryOf(id: string): number | undefined {
    const all = [...this.#inUse].flatMap(({ terms }) => (terms.id === id ? [terms.expires ?? 0] : []));
    return all.length === 0 ? undefined : Math.max(...all);
  }

  #use(terms: Terms, listener: (why: EndOfGrant) => void): () => void {
    const each: InUse = { terms, listener, timer: undefined };
    this.#inUse.add(each);
    this.#check(each);
    return () => this.#drop(each);
  }

  #check(each: InUse): void {
    const why = this.#endOf(each.terms);
    if (why) {
      this.#drop(each);
      each.listener(why);
    } else if (each.terms.expires !== undefined) {
      clearTimeout(each.timer);
      const left = Math.min(each.terms.expires - this.#now(), MAX_TIMER_MS);
      each.timer = setTimeout(() => this.#check(each), left).unref();
    }
  }

  #drop(each: InUse): void {
    clearTimeout(each.timer);
    this.#inUse.delete(each);
  }
}
