import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Audience,
  AudienceWatch,
  type Counted,
  countAudience,
} from '../../../server/streams/audience.ts';
import { RECEIVING } from '../../helpers/client.ts';

const NOW = Date.UTC(2026, 10, 21);
const SIZES = { layers: 3, overloaded: false };

function viewer(layer: number | null, { ago = -1, frozenAgo = -1, unserved = false } = {}): Counted {
  return {
    unserved,
    layer,
    receiving: ago < 0 ? undefined : { ...RECEIVING, at: NOW - ago },
    frozenAt: frozenAgo < 0 ? 0 : NOW - frozenAgo,
  };
}

describe('counting', () => {
  test('by layer; those without a picture; those who wait are viewers and nothing else', () => {
    const viewers = [viewer(2), viewer(2), viewer(0), viewer(null), viewer(null, { unserved: true })];
    expect(countAudience(viewers, SIZES, NOW)).toEqual({
      type: 'audience',
      viewers: 5,
      layers: [1, 0, 2],
      audioOnly: 1,
      reporting: 0,
      frozen: 0,
      overloaded: false,
    });
  });

  test('a stream of sound alone has no layers, and all its viewers hear it', () => {
    const audience = countAudience([viewer(null), viewer(null)], { layers: 0, overloaded: true }, NOW);
    expect(audience).toMatchObject({ layers: [], audioOnly: 2, overloaded: true });
  });

  test('whose picture stood still within the last minute, of those who told anything in it', () => {
    const viewers = [
      viewer(0, { ago: 1000 }),
      viewer(0, { ago: 1000, frozenAgo: 59_000 }),
      viewer(0, { ago: 1000, frozenAgo: 61_000 }),
      viewer(0, { ago: 61_000, frozenAgo: 61_000 }),
    ];
    expect(countAudience(viewers, SIZES, NOW)).toMatchObject({ reporting: 3, frozen: 1 });
  });

  test('costs next to nothing with 2,000 viewers', () => {
    const viewers = new Set(
      Array.from({ length: 2000 }, (_, index) => viewer(index % 3, { ago: index, frozenAgo: index * 50 })),
    );
    const times = Array.from({ length: 200 }, () => {
      const before = performance.now();
      countAudience(viewers, SIZES, NOW);
      return performance.now() - before;
    }).toSorted((a, b) => a - b);
    const median = times[100] ?? Number.NaN;
    console.info(`counting 2,000 viewers takes ${(median * 1000).toFixed(0)} µs (median of 200)`);
    // Every two seconds: a thousandth of a core.
    expect(median).toBeLessThan(2);
  });
});

describe('telling', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('every two seconds what has changed, and every ten what has not, until it is closed', () => {
    let viewers = 1;
    const told: Audience[] = [];
    const watch = new AudienceWatch({
      count: () =>
        countAudience(
          Array.from({ length: viewers }, () => viewer(0)),
          SIZES,
          NOW,
        ),
      tell: (audience) => told.push(audience),
    });
    const within = (ms: number) => {
      vi.advanceTimersByTime(ms);
      return told.splice(0).map((audience) => audience.viewers);
    };
    expect(within(1900)).toEqual([]);
    expect(within(200)).toEqual([1]);
    expect(within(9800)).toEqual([]);
    expect(within(200)).toEqual([1]);
    viewers = 2;
    expect(within(2000)).toEqual([2]);
    watch.close();
    viewers = 3;
    expect(within(60_000)).toEqual([]);
  });
});
