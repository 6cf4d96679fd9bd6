import { defineConfig } from 'vitest/config';

/**
 * Unit tests run side by side. The others start workers, servers and browsers,
 * which measure time and use both cores themselves: one file at a time, and
 * only when the unit tests are done.
 */
const alone = { fileParallelism: false, pool: 'forks' as const, environment: 'node' };

export default defineConfig({
  test: {
    // For machines that count: numPassedTests, numFailedTests, and each test with its duration.
    reporters: process.env.CI ? ['default', ['json', { outputFile: 'dist/test-results.json' }]] : ['default'],
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
          name: 'integration',
          include: ['test/{integration,fuzz}/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...alone,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          ...alone,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
