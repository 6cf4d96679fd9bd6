/**
 * What only the media workers know, asked of them in turn while a dashboard is open: so many publishers,
 * and so many of the viewers that somebody looks at, a second, whatever their number.
 */
import type { types } from 'mediasoup';
import type { Publisher } from '../../streams/publisher.ts';
import type { Viewer } from '../../streams/viewer.ts';
import { rounded } from './overview.ts';

export type Encoding = { kind: types.MediaKind; rid: string; bitrate: number; score: number };
export type PublisherSample = {
  encodings: readonly Encoding[];
  lost: number;
  roundTrip: number | null;
  jitter: number;
};
export type ViewerSample = { bitrate: number; lost: number; roundTrip: number | null };

/** Asked for in one turn. */
const A_TURN = { publishers: 20, viewers: 25 };

/** By how much an Opus or VP8 clock counts in a ms; jitter is told in its units (RFC 3550, section 6.4.1). */
const TICKS_A_MS = { audio: 48, video: 90 };

export class Samples {
  readonly #publishers = new WeakMap<Publisher, PublisherSample>();
  readonly #viewers = new WeakMap<Viewer, ViewerSample>();
  readonly #askedAt = new WeakMap<Publisher | Viewer, number>();

  publisher(publisher: Publisher): PublisherSample | undefined {
    return this.#publishers.get(publisher);
  }

  viewer(viewer: Viewer): ViewerSample | undefined {
    return this.#viewers.get(viewer);
  }

  bitrateOf(publisher: Publisher): number | undefined {
    const sample = this.#publishers.get(publisher);
    return sample && rounded(sample.encodings.reduce((sum, { bitrate }) => sum + bitrate, 0));
  }

  /** @param now In ms of any clock; the longest not asked come first. */
  take(publishers: Iterable<Publisher>, viewers: Iterable<Viewer>, now: number): void {
    for (const publisher of this.#longestAgo(publishers, A_TURN.publishers, now))
      void askPublisher(publisher).then((sample) => sample && this.#publishers.set(publisher, sample));
    for (const viewer of this.#longestAgo(viewers, A_TURN.viewers, now))
      void askViewer(viewer).then((sample) => sample && this.#viewers.set(viewer, sample));
  }

  #longestAgo<T extends Publisher | Viewer>(all: Iterable<T>, count: number, now: number): T[] {
    const at = (each: T) => this.#askedAt.get(each) ?? 0;
    const due = [...all].sort((a, b) => at(a) - at(b)).slice(0, count);
    for (const each of due) this.#askedAt.set(each, now);
    return due;
  }
}

async function askPublisher({ producers }: Publisher): Promise<PublisherSample | undefined> {
  const all = await Promise.all(
    producers.map(async (producer) => {
      const stats = await producer.getStats().catch(() => []);
      return stats.filter(({ type }) => type === 'inbound-rtp');
    }),
  );
  const stats = all.flat();
  if (stats.length === 0) return undefined;
  return {
    encodings: stats.map(({ kind, rid = '', bitrate, score }) => ({
      kind: kind === 'audio' ? 'audio' : 'video',
      rid,
      bitrate: rounded(bitrate),
      score,
    })),
    ...pathOf(stats),
    jitter: Math.max(
      ...stats.map(({ jitter, kind }) =>
        Math.round(jitter / TICKS_A_MS[kind === 'audio' ? 'audio' : 'video']),
      ),
    ),
  };
}

async function askViewer({ attached }: Viewer): Promise<ViewerSample | undefined> {
  const consumers = attached?.consumers.filter(({ closed }) => !closed) ?? [];
  const all = await Promise.all(consumers.map((consumer) => consumer.getStats().catch(() => [])));
  // A consumer tells of its producer as well.
  const stats = all.flat().filter(({ type }) => type === 'outbound-rtp');
  if (stats.length === 0) return undefined;
  return { bitrate: rounded(stats.reduce((sum, { bitrate }) => sum + bitrate, 0)), ...pathOf(stats) };
}

/** RTCP's fraction is one of 256 (RFC 3550, section 6.4.1). */
function pathOf(stats: readonly { fractionLost: number; roundTripTime?: number }[]) {
  const roundTrips = stats.flatMap(({ roundTripTime }) => (roundTripTime ? [roundTripTime] : []));
  return {
    lost: Math.max(...stats.map(({ fractionLost }) => fractionLost)) / 256,
    roundTrip: roundTrips.length > 0 ? Math.round(Math.max(...roundTrips)) : null,
  };
}
