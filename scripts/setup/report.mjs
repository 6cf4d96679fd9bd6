/** One line a step with its time; on a terminal the line of the step under way is rewritten. */

const SPEAK_EVERY = 10_000;
const REDRAW_EVERY = 250;

export function line(name, what, time) {
  return `  ${name.padEnd(14)}${what.padEnd(52)} ${time}`.trimEnd();
}

export function seconds(milliseconds) {
  const s = milliseconds / 1000;
  return s < 60
    ? `${s.toFixed(1)} s`.padStart(8)
    : `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`.padStart(8);
}

export class Reporter {
  #out;
  #timer;
  #step;

  constructor(out = process.stdout) {
    this.#out = out;
  }

  start(name, what) {
    const now = Date.now();
    this.#step = { name, what, detail: '', since: now, spoken: now };
    if (this.#out.isTTY) this.#timer = setInterval(() => this.#draw(), REDRAW_EVERY);
    else this.#timer = setInterval(() => this.#speak(), 1000);
  }

  /** How far the step is: `[120/259]`. */
  progress(detail) {
    if (this.#step) this.#step.detail = detail;
  }

  /** What the step turned out to be, e.g. the program that was found. */
  what(text) {
    if (this.#step) this.#step.what = text;
  }

  done() {
    const { name, what, since } = this.#end();
    this.#out.write(`${line(name, what, seconds(Date.now() - since))}\n`);
  }

  /** A step that is not the last word: the next one tries something else. */
  failed(why) {
    this.what(`${this.#step.what}: ${why}`);
    this.done();
  }

  abandon() {
    if (this.#step) this.#end();
  }

  say(text) {
    this.#out.write(`${text}\n`);
  }

  #end() {
    clearInterval(this.#timer);
    const step = this.#step;
    this.#step = undefined;
    if (this.#out.isTTY) this.#out.write('\r\x1b[K');
    return step;
  }

  #draw() {
    const { name, what, detail, since } = this.#step;
    const text = line(name, `${what} ${detail}`, seconds(Date.now() - since));
    this.#out.write(`\r\x1b[K${text.slice(0, (this.#out.columns || 80) - 1)}`);
  }

  #speak() {
    const { name, what, detail, since, spoken } = this.#step;
    if (Date.now() - spoken < SPEAK_EVERY) return;
    this.#step.spoken = Date.now();
    this.#out.write(`${line(name, `${what} ${detail}`, `${seconds(Date.now() - since)} …`)}\n`);
  }
}
