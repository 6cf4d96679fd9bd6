/** What of a view of the server has changed since the one before. */
import type { LiveMessageOf, Parts, StreamRow } from '../../protocol/live.ts';

export type View = { parts: Parts; streams: readonly StreamRow[] };
type Update = LiveMessageOf<'update'>;

/** Remembers the last view as it was encoded: what is equal then is not told again. */
export class Changes {
  #parts = new Map<string, string>();
  #streams = new Map<string, string>();

  /** What differs from the view before. */
  next({ parts, streams }: View, at: number): Update {
    const changedParts = Object.entries(parts).filter(([name, value]) => {
      const text = JSON.stringify(value);
      if (this.#parts.get(name) === text) return false;
      this.#parts.set(name, text);
      return true;
    });
    const before = this.#streams;
    this.#streams = new Map();
    const changed = streams.filter((row) => {
      const text = JSON.stringify(row);
      this.#streams.set(row.stream, text);
      return before.get(row.stream) !== text;
    });
    return {
      type: 'update',
      at,
      full: false,
      parts: Object.fromEntries(changedParts),
      streams: changed,
      gone: [...before.keys()].filter((id) => !this.#streams.has(id)),
    };
  }
}

/** All of it, for one who knows nothing yet. */
export function fullUpdate({ parts, streams }: View, at: number): Update {
  return { type: 'update', at, full: true, parts, streams: [...streams], gone: [] };
}
