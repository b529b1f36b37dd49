import { expect, test } from 'vitest';
import { soak } from './soak.ts';

test('while plugins are changed and killed at random every answer is explained, and nothing is left behind', {
  timeout: 120_000,
}, async () => {
  const report = await soak({
    requests: 400,
    concurrency: 4,
    seed: 20_128,
    maxDurationMs: 8_000,
    maxPauseMs: 100,
  });
  expect(report.anomalies).toEqual([]);
  expect(report.requests['answer']).toBeGreaterThan(50);
  expect(Object.keys(report.operations).length).toBeGreaterThan(5);
});
