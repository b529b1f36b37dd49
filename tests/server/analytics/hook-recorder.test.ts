import { HookRecorder } from '@omniroute/server/analytics/hook-recorder';
import { systemRuntime } from '@omniroute/server/runtime';
import { expect, test } from 'vitest';

const call = { plugin: 'p', hook: 'onRequest', policy: 'open', durationMs: 1 } as const;

function recorderAt(start: string) {
  const clock = { ms: Date.parse(start) };
  const recorder = new HookRecorder({ ...systemRuntime, now: () => new Date(clock.ms) });
  return { clock, recorder };
}

test('beyond 20 000 waiting calls no more are kept, and every one is counted', () => {
  const { recorder } = recorderAt('2026-01-01T00:00:00Z');
  for (let index = 0; index < 20_007; index += 1)
    recorder.record({ ...call, outcome: 'THROW', message: 'no' });
  const { cells, samples } = recorder.take();
  expect(samples).toHaveLength(20_000);
  expect(cells).toMatchObject([{ calls: 20_007, errors: 20_007, bypasses: 20_007 }]);
  expect(recorder.takeDropped()).toEqual({ samples: 7, minutes: 0 });
});

test('of more than 60 waiting minutes the oldest go, and stay in the totals', () => {
  const { clock, recorder } = recorderAt('2026-01-01T00:00:00Z');
  for (let minute = 0; minute < 100; minute += 1) {
    recorder.record({ ...call, outcome: minute % 2 === 0 ? 'DONE' : 'THROW' });
    clock.ms += 60_000;
    // What a database that is locked does not take comes back.
    recorder.giveBack(recorder.take());
  }
  const { cells, totals } = recorder.take();
  expect(cells.map(({ minute }) => new Date(minute).toISOString().slice(11, 16))).toEqual(
    Array.from({ length: 60 }, (_, index) => {
      const minute = index + 40;
      return `0${Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}`;
    }),
  );
  expect(totals).toMatchObject([{ calls: 40, errors: 20, totalDurationMs: 40 }]);
  expect(recorder.takeDropped()).toEqual({ samples: 0, minutes: 40 });
  expect(recorder.hasPending).toBe(false);
});

test('what comes back adds up with what was counted since', () => {
  const { clock, recorder } = recorderAt('2026-01-01T00:00:00Z');
  recorder.record({ ...call, outcome: 'BLOCKED' });
  const taken = recorder.take();
  recorder.record({ ...call, outcome: 'TIMEOUT', message: 'late' });
  recorder.giveBack(taken);
  recorder.record({ ...call, outcome: 'CANCELLED' });
  clock.ms += 60_000;
  recorder.record({ ...call, outcome: 'DONE' });
  const { cells, samples } = recorder.take();
  expect(cells).toMatchObject([
    { calls: 3, errors: 1, timeouts: 1, blocks: 1, bypasses: 1, totalDurationMs: 3 },
    { calls: 1, errors: 0, timeouts: 0, blocks: 0, bypasses: 0, totalDurationMs: 1 },
  ]);
  expect(cells[0]?.histogram.total).toBe(2);
  expect(samples.map(({ error }) => error)).toEqual([null, 'TIMEOUT: late', null]);
});

test('a clock that is set back counts on in the minute that it returns to', () => {
  const { clock, recorder } = recorderAt('2026-01-01T00:10:30Z');
  for (const jump of [0, -300_000, 300_000, -86_400_000, 86_400_000]) {
    clock.ms += jump;
    recorder.record({ ...call, outcome: 'DONE' });
  }
  const counts = recorder.take().cells.map(({ minute, calls }) => [new Date(minute).toISOString(), calls]);
  expect(counts).toEqual([
    ['2026-01-01T00:10:00.000Z', 3],
    ['2026-01-01T00:05:00.000Z', 1],
    ['2025-12-31T00:10:00.000Z', 1],
  ]);
});
