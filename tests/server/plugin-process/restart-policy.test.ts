import { nextRestart, withCrash } from '@omniroute/server/plugin-process/restart-policy';
import { expect, test } from 'vitest';

const second = 1_000;
const minute = 60 * second;

/** What follows each of the crashes, `gapMs` apart, without jitter unless told otherwise. */
function outcomes(count: number, gapMs: number, random = 0): (number | 'give-up')[] {
  let times: number[] = [];
  return Array.from({ length: count }, (_, index) => {
    times = withCrash(times, 5 * minute + index * gapMs);
    return nextRestart(times, random);
  });
}

test.each<[what: string, count: number, gapMs: number, expected: (number | 'give-up')[]]>([
  ['crashes at once end at the fifth', 5, 1, [100, 200, 400, 800, 'give-up']],
  ['so do crashes within 10 minutes', 5, 2 * minute, [100, 200, 400, 800, 'give-up']],
  [
    'crashes every 3 minutes end nothing, and their delay reaches 30 s',
    12,
    3 * minute,
    [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000],
  ],
  ['after 10 minutes without a crash the delay starts over', 4, 10 * minute, [100, 100, 100, 100]],
  ['a moment less than that does not', 3, 10 * minute - 1, [100, 200, 400]],
])('%s', (_what, count, gapMs, expected) => {
  expect(outcomes(count, gapMs)).toEqual(expected);
});

test('a plugin that crashes for days is not forgotten, and is not given up', () => {
  const last = outcomes(1_000, 3 * minute).slice(-3);
  expect(last).toEqual([30_000, 30_000, 30_000]);
});

test('chance makes a delay longer, by less than a quarter, and never longer than 30 s', () => {
  expect(outcomes(3, 1, 0.5)).toEqual([113, 225, 450]);
  expect(outcomes(1, 1, 0.999)).toEqual([125]);
  expect(outcomes(10, 3 * minute, 0.999).at(-1)).toBe(30_000);
});

test('a crash now and then within the last 10 minutes counts, an older one does not', () => {
  const times = [0, 9, 12, 15, 17].reduce<number[]>((all, at) => withCrash(all, at * minute), []);
  expect(nextRestart(times, 0)).toBe(1_600);
  expect(nextRestart(withCrash(times, 18 * minute), 0)).toBe('give-up');
});
