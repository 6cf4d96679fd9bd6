/** A value that tells when it changes. */
export class Observed<T> {
  readonly #onChange: (value: T) => void;
  #value: T;

  constructor(initial: T, onChange: (value: T) => void) {
    this.#value = initial;
    this.#onChange = onChange;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    if (value === this.#value) return;
    this.#value = value;
    this.#onChange(value);
  }
}
