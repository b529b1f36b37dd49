import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The user that it runs as cannot write where everyone else's is.
  cacheDir: join(tmpdir(), 'vite'),
  test: { include: ['tests/**/*.test.ts'], testTimeout: 20_000, hookTimeout: 30_000, maxWorkers: 2 },
});
