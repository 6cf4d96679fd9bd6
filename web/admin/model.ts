/** What the dashboard knows, merged from the server's messages. Pure. */
import type {
  About,
  Detail,
  LiveMessage,
  LiveMessageOf,
  Parts,
  StreamRow,
} from '../../server/protocol/live.ts';

/** Loads of the workers over time, as graphs take it: times in s, and one line for each worker. */
export type Loads = { times: number[]; lines: (number | null)[][] };

export type Known = {
  about: About;
  parts: Parts;
  streams: ReadonlyMap<string, StreamRow>;
  loads: Loads;
  /** Of the stream that is looked at; null where there is none any more. */
  opened: { stream: string; detail: Detail | null } | undefined;
  /** When the server told of it last, by its clock, in ms since 1970. */
  at: number;
};

/** Of `about` alone nothing can be shown yet. */
export type Model = Partial<Known>;

/** An hour of 10 s, and an hour of seconds after it. */
const POINTS_KEPT = 4000;

export function merged(model: Model, message: LiveMessage): Model {
  switch (message.type) {
    case 'welcome':
      return { about: message.about, loads: loadsOf(message.about) };
    case 'update':
      return updated(model, message);
    case 'stream':
      return { ...model, opened: { stream: message.stream, detail: message.detail } };
    case 'closing':
      return model;
  }
}

export function isKnown(model: Model): model is Known {
  return model.about !== undefined && model.parts !== undefined && model.streams !== undefined;
}

function updated(model: Model, { at, full, parts, streams, gone }: LiveMessageOf<'update'>): Model {
  const known = full ? {} : model.parts;
  const all = new Map(full ? [] : model.streams);
  for (const row of streams) all.set(row.stream, row);
  for (const id of gone) all.delete(id);
  const merged = { ...known, ...parts };
  return {
    ...model,
    at,
    streams: all,
    ...(isWhole(merged) && { parts: merged, loads: withLoads(model.loads, merged.workers, at) }),
  };
}

/** The first update has all parts, and they stay. */
function isWhole(parts: Partial<Parts>): parts is Parts {
  return parts.health !== undefined && parts.totals !== undefined && parts.workers !== undefined;
}

function loadsOf({ workers, loads: { everyMs, at, rows } }: About): Loads {
  const first = at - rows.length * everyMs;
  return {
    times: rows.map((_, index) => (first + (index + 1) * everyMs) / 1000),
    lines: Array.from({ length: workers }, (_, worker) => rows.map((row) => row[worker] ?? null)),
  };
}

function withLoads(loads: Loads | undefined, workers: Parts['workers'], at: number): Loads {
  const { times, lines } = loads ?? { times: [], lines: [] };
  const skip = Math.max(0, times.length + 1 - POINTS_KEPT);
  const byIndex = new Map(workers.map(({ index, load }) => [index, load]));
  return {
    times: [...times.slice(skip), at / 1000],
    lines: lines.map((line, worker) => [...line.slice(skip), byIndex.get(worker) ?? null]),
  };
}
