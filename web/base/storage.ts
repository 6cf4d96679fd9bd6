/** Web storage that is never in the way: private windows and strict settings make it throw. */
export class Store {
  readonly #storage: () => Storage;

  constructor(storage: () => Storage) {
    this.#storage = storage;
  }

  get(key: string): string | undefined {
    try {
      return this.#storage().getItem(`pharos.${key}`) ?? undefined;
    } catch {
      return undefined;
    }
  }

  /** Nothing, or an empty text, removes it. */
  set(key: string, value: string | undefined): void {
    try {
      if (value) this.#storage().setItem(`pharos.${key}`, value);
      else this.#storage().removeItem(`pharos.${key}`);
    } catch {
      // Then it is not remembered.
    }
  }
}

export const local = new Store(() => localStorage);
export const session = new Store(() => sessionStorage);
