const MAX_LENGTH = 1000;

/** Text that comes in pieces, as lines of bounded length. */
export class LineReader {
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: string): void {
    const lines = (this.#rest + chunk).split(/[\r\n]+/);
    // What is too long already is cut now, not when it ends.
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LENGTH);
    for (const line of lines) this.#tell(line);
  }

  end(): void {
    this.#tell(this.#rest);
    this.#rest = '';
  }

  #tell(line: string): void {
    if (line.trim() !== '') this.#onLine(line.slice(0, MAX_LENGTH));
  }
}
