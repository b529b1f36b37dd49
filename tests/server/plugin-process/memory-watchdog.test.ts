import { MemoryWatchdog } from '@omniroute/server/plugin-process/memory-watchdog';
import { expect, test } from 'vitest';

const mebibyte = 1024 * 1024;

// With prlimit, a plugin's process meets that limit first: this one is for machines without.
test('a process that holds more than it may is reported once, with its share of the memory', async () => {
  const reported: string[] = [];
  const own = async () => [process.pid];
  const { promise, resolve } = Promise.withResolvers<number>();
  const strict = new MemoryWatchdog(mebibyte);
  const lenient = new MemoryWatchdog(1024 * 1024 * mebibyte);
  lenient.watch(own, () => reported.push('within its limit'));
  const end = strict.watch(own, () => reported.push('ended'));
  strict.watch(own, (bytes) => {
    reported.push('over its limit');
    resolve(bytes);
  });
  end();
  const bytes = await promise;
  expect(bytes).toBeGreaterThan(mebibyte);
  expect(bytes).toBeLessThanOrEqual(process.memoryUsage().rss + 64 * mebibyte);
  const { promise: again, resolve: next } = Promise.withResolvers<number>();
  strict.watch(own, next);
  await again;
  expect(reported).toEqual(['over its limit']);
});
