import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/fixtures/**', '**/node_modules/**'],
    globalSetup: ['tests/helpers/unpack-chromium.ts'],
    reporters: ['default', './tests/helpers/closing-line-reporter.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Tests wait on other processes most of the time: one worker per core leaves the cores idle.
    maxWorkers: 3,
    restoreMocks: true,
  },
});
