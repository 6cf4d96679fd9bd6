type Listener<T> = (value: T) => void;

/**
 * Typed events, each with one value. Small on purpose: the browser's
 * EventTarget types neither names nor values, Node's emitter is not there.
 */
export class Emitter<Events extends object> {
  readonly #listeners: { [K in keyof Events]?: Set<Listener<Events[K]>> } = {};

  /** Returns the function that takes the listener off again. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const listeners = this.#listeners[name] ?? new Set<Listener<Events[K]>>();
    this.#listeners[name] = listeners;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  protected emit<K extends keyof Events>(name: K, value: Events[K]): void {
    // A copy: a listener may take itself or others off while we go round.
    for (const listener of [...(this.#listeners[name] ?? [])]) listener(value);
  }
}
