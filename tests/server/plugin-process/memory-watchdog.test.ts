import { MemoryWatchdog } from '@omniroute/server/plugin-process/memory-watchdog';
import { expect, test } from 'vitest';

const mebibyte = 1024 * 1024;

// With prlimit, a plugin's process meets that limit first: this one is for machines without.
test('a process that holds more than it may is reported once, with its share of the memory', async () => {
  const reported: string[] = [];
  const { promise, resolve } = Promise.withResolvers<number>();
  const strict = new MemoryWatchdog(mebibyte);
  const lenient = new MemoryWatchdog(1024 * 1024 * mebibyte);
  lenient.watch(process.pid, () => reported.push('within its limit'));
  const end = strict.watch(process.pid, () => reported.push('ended'));
  strict.watch(process.pid, (bytes) => {
    reported.push('over its limit');
    resolve(bytes);
  });
  end();
  const bytes = await promise;
  expect(bytes).toBeGreaterThan(mebibyte);
  expect(bytes).toBeLessThanOrEqual(process.memoryUsage().rss + 64 * mebibyte);
  const { promise: again, resolve: next } = Promise.withResolvers<number>();
  strict.watch(process.pid, next);
  await again;
  expect(reported).toEqual(['over its limit']);
});
