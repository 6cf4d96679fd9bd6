import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bundleSizes, bundleTable } from '../../scripts/setup/bundles.mjs';

/** Bytes, gzipped. */
const BUDGETS = [
  ['publish', 150_000],
  ['watch', 120_000],
  ['embed', 120_000],
  ['pharos-player.js', 120_000],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'pharos-bundles-'));
let sizes: ReturnType<typeof bundleSizes>;

beforeAll(async () => {
  // Vitest says "test", by which libraries bring what helps to find mistakes.
  vi.stubEnv('NODE_ENV', 'production');
  await build({ configFile: 'web/vite.config.ts', logLevel: 'silent', build: { outDir: folder } });
  sizes = bundleSizes(folder);
  console.info(bundleTable(sizes));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test.each(BUDGETS)('%s takes less than %i bytes, gzipped, before anything is asked for', (page, budget) => {
  const size = sizes.find((row) => row.page === page);
  // Whatever is counted, mediasoup-client alone is more than that.
  expect(size?.first).toBeGreaterThan(40_000);
  expect(size?.first).toBeLessThan(budget);
});

test('what a page may load later is counted too, and no page of ours is left out', () => {
  expect(sizes.map(({ page }) => page)).toEqual(
    expect.arrayContaining(['embed', 'home', 'publish', 'recordings', 'watch', 'pharos-player.js']),
  );
  // The graph of the player's statistics.
  expect(sizes.find(({ page }) => page === 'watch')?.later).toBeGreaterThan(10_000);
});
