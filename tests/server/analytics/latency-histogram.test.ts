import { LatencyHistogram } from '@omniroute/server/analytics/latency-histogram';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const bucketWidth = 2 ** (1 / 4);
const durations = fc.array(fc.double({ min: 0.01, max: 70_000, noNaN: true }), {
  minLength: 1,
  maxLength: 500,
});

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test('a quantile is within a bucket of the exact one', () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99, 1), (values, share) => {
      const sorted = values.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
      const read = histogramOf(values).quantile(share) ?? Number.NaN;
      expect(read).toBeGreaterThanOrEqual((exact / bucketWidth) * 0.999_999);
      expect(read).toBeLessThanOrEqual(exact * bucketWidth * 1.000_001);
    }),
  );
});

test('histograms of parts add up to the histogram of the whole, also by way of JSON', () => {
  fc.assert(
    fc.property(durations, durations, (first, second) => {
      const merged = LatencyHistogram.fromJson(histogramOf(first).toJson());
      merged.merge(LatencyHistogram.fromJson(histogramOf(second).toJson()));
      const whole = histogramOf([...first, ...second]);
      expect(merged.total).toBe(whole.total);
      for (const share of [0.5, 0.95, 0.99]) expect(merged.quantile(share)).toBe(whole.quantile(share));
    }),
  );
});

test('an empty histogram has no quantile', () => {
  expect(new LatencyHistogram().quantile(0.5)).toBeNull();
});

test.each([0, 0.000_1, 1e9])('a duration of %d ms has its bucket, too', (duration) => {
  const histogram = histogramOf([duration]);
  expect(histogram.total).toBe(1);
  expect(histogram.quantile(0.5)).toBeGreaterThanOrEqual(0);
});

test.each(['', '{', 'null', '["1"]', '{"a":1}', '{"3":-1}', '{"3":1.5}', '{"3":"1"}', '{"999":1}'])(
  'what is no histogram is an empty one: %s',
  (text) => {
    expect(LatencyHistogram.fromJson(text).quantile(0.5)).toBeNull();
  },
);
