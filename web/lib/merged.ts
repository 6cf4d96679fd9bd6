/**
 * Does some work on demand: never twice at the same time, and not more often than every `gap` ms. What is
 * asked for meanwhile is done once, afterwards.
 */
export class Merged {
  readonly #work: () => Promise<unknown>;
  readonly #gap: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #wanted = false;
  #closed = false;

  /** What `work` rejects with is not told: whoever asks for it again has seen that it did not help. */
  constructor(work: () => Promise<unknown>, gap: number) {
    this.#work = work;
    this.#gap = gap;
  }

  request(): void {
    if (this.#closed) return;
    if (this.#running || this.#timer) this.#wanted = true;
    else void this.#run();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#wanted = false;
    this.#running = true;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#next();
    }, this.#gap);
    await this.#work().catch(() => {});
    this.#running = false;
    this.#next();
  }

  #next(): void {
    if (this.#wanted && !this.#running && !this.#timer && !this.#closed) void this.#run();
  }
}
