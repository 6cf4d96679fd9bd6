import type { Reporter, TestCase } from 'vitest/node';

/**
 * Names the tests that passed only when they were run again, where `retry` is set: on a machine that is
 * busy with something else media comes late, and whoever reads the results is to know which tests felt it.
 */
export class SecondTry implements Reporter {
  readonly #names: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#names.push(`${test.module.relativeModuleId}: ${test.fullName}`);
  }

  onTestRunEnd(): void {
    for (const name of this.#names) console.log(`passed at the second try: ${name}`);
  }
}
