import { describe, expect, test } from 'vitest';
import { UploadPace } from '../../../web/lib/upload.ts';

/** A way that carries `rate` bit/s; of what was handed over `inFlight` bytes at most are on it, the others wait. */
function pushThrough({ rate, inFlight, most = 12_000_000, stalls = () => false }: Way) {
  const pace = new UploadPace(most);
  let [sent, arrived, gone] = [0, 0, 0];
  let fastest = 0;
  for (let at = 0; at <= 3000; at += 20) {
    if (pace.look({ at, gone }, sent - gone)) return { found: pace.found, took: at, fastest };
    fastest = Math.max(fastest, pace.rate);
    sent += (pace.rate / 8000) * 20;
    if (!stalls(at)) arrived = Math.min(sent, arrived + (rate / 8000) * 20);
    gone = Math.min(sent, Math.max(gone, arrived + inFlight));
  }
  return { found: pace.found, took: 3000, fastest };
}

type Way = { rate: number; inFlight: number; most?: number; stalls?: (at: number) => boolean };

describe('how much goes up', () => {
  test.each([300_000, 500_000, 1_500_000, 5_000_000])('is found where it is %d bit/s', (rate) => {
    const { found, took } = pushThrough({ rate, inFlight: 20_000 });
    expect(found).toBeGreaterThan(rate * 0.7);
    expect(found).toBeLessThanOrEqual(rate * 1.1);
    expect(took).toBeLessThanOrEqual(3000);
  });

  test.each([500_000, 1_500_000, 5_000_000])(
    'is not taken for more where queues are long: %d bit/s',
    (rate) => {
      const { found } = pushThrough({ rate, inFlight: (rate / 8) * 0.3 });
      expect(found).toBeGreaterThan(rate * 0.7);
      expect(found).toBeLessThan(rate * 1.3);
    },
  );

  test('is told as what was tried, where more would go', () => {
    expect(pushThrough({ rate: 1e9, inFlight: 1e6 }).found).toBeGreaterThan(11_500_000);
    const { found, fastest } = pushThrough({ rate: 1e9, inFlight: 1e6, most: 1_000_000 });
    expect(fastest).toBe(1_000_000);
    expect(found).toBeGreaterThan(950_000);
    expect(found).toBeLessThanOrEqual(1_000_000);
  });

  test('is what went at all where it stands still, and nothing where nothing goes', () => {
    const { found } = pushThrough({ rate: 2_000_000, inFlight: 20_000, stalls: (at) => at > 1500 });
    expect(found).toBeGreaterThan(200_000);
    expect(found).toBeLessThan(2_000_000);
    expect(pushThrough({ rate: 0, inFlight: 0 }).found).toBe(0);
  });
});
