/** So many deaths within so long, of all workers together, and the server is not fit to take clients. */
const TOO_MANY = { deaths: 3, withinMs: 60_000 };

/** When workers died. Time comes in as an argument, in ms of a clock that does not run backwards. */
export class Deaths {
  #count = 0;
  /** Of the latest, the oldest first. */
  readonly #times: number[] = [];

  /** Since the start. */
  get count(): number {
    return this.#count;
  }

  add(now: number): void {
    this.#count += 1;
    this.#times.push(now);
    if (this.#times.length > TOO_MANY.deaths) this.#times.shift();
  }

  /** In a sentence, that they have become too many; undefined while they have not. */
  tooMany(now: number): string | undefined {
    const recent = this.#times.filter((time) => now - time < TOO_MANY.withinMs).length;
    if (recent < TOO_MANY.deaths) return undefined;
    return `${recent} or more media workers died within ${TOO_MANY.withinMs / 1000} s; the log says how`;
  }
}
