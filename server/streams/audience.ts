/** How a stream's viewers fare, for its publisher: counted in one pass, told when it has changed. */

import type { types } from 'mediasoup';
import { spatialLayersOf } from '../../workers/media/codecs.ts';
import type { EventOf, Receiving } from '../protocol/messages.ts';
import type { Reported } from './reported.ts';

export type Audience = EventOf<'audience'>;

/** In ms: how often it is counted, and so told at most; and how often it is told at least. */
const EVERY = { count: 2000, tell: 10_000 };
/** In ms. */
const LAST_MINUTE = 60_000;

/** What of a viewer is counted. */
export type Counted = {
  /** Whether it would have media if the stream were live and there were room. */
  readonly unserved: boolean;
  /** The spatial layer that it gets, 0 where there is but one; null while it gets no picture. */
  readonly layer: number | null;
  readonly receiving: Reported<Receiving> | undefined;
  /** When it last told of a picture that stood still, in ms since 1970. */
  readonly frozenAt: number;
};

/**
 * @param layers How many sizes the picture comes in; 0 for none.
 * @param now In ms since 1970.
 */
export function countAudience(
  viewers: Iterable<Counted>,
  { layers, overloaded }: { layers: number; overloaded: boolean },
  now: number,
): Audience {
  const counts = Array.from({ length: layers }, () => 0);
  const audience = { viewers: 0, audioOnly: 0, reporting: 0, frozen: 0 };
  for (const { unserved, layer, receiving, frozenAt } of viewers) {
    audience.viewers += 1;
    if (receiving && now - receiving.at <= LAST_MINUTE) {
      audience.reporting += 1;
      if (now - frozenAt <= LAST_MINUTE) audience.frozen += 1;
    }
    if (unserved) continue;
    const count = layer === null ? undefined : counts[layer];
    if (layer === null || count === undefined) audience.audioOnly += 1;
    else counts[layer] = count + 1;
  }
  return { type: 'audience', ...audience, layers: counts, overloaded };
}

/** In how many sizes the picture comes; 0 without one. */
export function sizesOf(producers: readonly types.Producer[]): number {
  const video = producers.find(({ kind }) => kind === 'video');
  if (!video) return 0;
  if (video.type === 'svc') return spatialLayersOf(video.rtpParameters);
  return Math.max(1, video.rtpParameters.encodings?.length ?? 0);
}

/** Counts until it is closed. */
export class AudienceWatch {
  readonly #count: () => Audience;
  readonly #tell: (audience: Audience) => void;
  readonly #timer = setInterval(() => this.#look(), EVERY.count);
  #told = '';
  #looks = 0;

  constructor({ count, tell }: { count: () => Audience; tell: (audience: Audience) => void }) {
    this.#count = count;
    this.#tell = tell;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const audience = this.#count();
    const text = JSON.stringify(audience);
    this.#looks += 1;
    if (text === this.#told && this.#looks < EVERY.tell / EVERY.count) return;
    this.#told = text;
    this.#looks = 0;
    this.#tell(audience);
  }
}
