import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node';

/**
 * Ends the output with `N passed, N failed`, after whatever else Vitest prints.
 * A file that does not load and an unhandled error count as failed.
 */
export default class ClosingLineReporter implements Reporter {
  #line = '0 passed, 1 failed';

  onInit() {
    process.once('exit', () => process.stdout.write(`${this.#line}\n`));
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    reason: TestRunEndReason,
  ) {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        if (state === 'failed') failedTests += 1;
      }
      failed += failedTests === 0 && !module.ok() ? 1 : failedTests;
    }
    if (failed === 0 && reason !== 'passed') failed = 1;
    this.#line = `${passed} passed, ${failed} failed`;
  }
}
