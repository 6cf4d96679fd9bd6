/** One line that changes on a terminal; elsewhere a line of log now and then. */
const LOG_EVERY = 10;

export class StatusLine {
  readonly #output: NodeJS.WriteStream;
  #shown = false;
  #calls = 0;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  /** Called once a second. */
  show(text: string): void {
    if (this.#output.isTTY) {
      this.#output.write(`\r\x1b[K${text.slice(0, (this.#output.columns || 80) - 1)}`);
      this.#shown = true;
    } else if (++this.#calls % LOG_EVERY === 0) {
      this.#output.write(`${text}\n`);
    }
  }

  /** Something that stays. */
  say(text: string): void {
    this.#output.write(`${this.#shown ? '\r\x1b[K' : ''}${text}\n`);
    this.#shown = false;
  }

  end(): void {
    if (this.#shown) this.#output.write('\n');
    this.#shown = false;
  }
}
