import { defineConfig } from 'vitest/config';
import { SecondTry } from './test/second-try.ts';

const counted = process.env.CI !== undefined;

/**
 * Unit tests run side by side. The others start workers, servers and browsers,
 * which measure time and use both cores themselves: one file at a time (but for the patient), and
 * only when the unit tests are done. Where they are counted, on a machine that may be busy with other
 * things, one that failed is run once more, and named.
 */
const alone = {
  fileParallelism: false,
  pool: 'forks' as const,
  environment: 'node',
  retry: counted ? 1 : 0,
};

/**
 * Tests that mostly wait: for media in real time, for a silence to be noticed, for ffmpeg to end.
 * Each takes a fifth of a core or less, and none measures what another at its side would change.
 */
const PATIENT = [
  ...['cameras', 'cameras-api', 'cameras-failing', 'cameras-strange'],
  ...['recordings', 'recording-recovery', 'recording-upload'],
  ...['encoder-trace', 'whip-clients', 'whip-continuity'],
]
  .map((name) => `test/integration/${name}.test.ts`)
  .concat('test/faults/secrets-in-logs.test.ts');

export default defineConfig({
  test: {
    // For machines that count: numPassedTests, numFailedTests, and each test with its duration.
    reporters: counted
      ? ['default', ['json', { outputFile: 'dist/test-results.json' }], new SecondTry()]
      : ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.{ts,tsx}'],
          environment: 'node',
          pool: 'forks',
          maxWorkers: '100%',
          testTimeout: 10_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...alone,
          name: 'patient',
          include: PATIENT,
          fileParallelism: true,
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...alone,
          name: 'integration',
          include: ['test/{integration,fuzz}/**/*.test.ts'],
          exclude: PATIENT,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          ...alone,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          ...alone,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          exclude: PATIENT,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});
