/** Quieter than this counts as silence. */
const FLOOR_DB = -60;

/** Root mean square on a decibel scale, from 0 (silence) to 1 (full scale). */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length);
  return Math.min(1, Math.max(0, 1 - decibels / FLOOR_DB));
}
