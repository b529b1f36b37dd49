const minute = 60_000;

/** So many crashes within the window are the end of it. */
export const maxCrashes = 5;
export const crashWindowMs = 10 * minute;

const firstDelayMs = 100;
const maxDelayMs = 30_000;
const jitter = 0.25;

/** More crashes than this change nothing: the delay has long reached its limit. */
const rememberedCrashes = 16;

/** `times` with one more crash; only what {@link nextRestart} needs is kept. Milliseconds of a monotonic clock. */
export function withCrash(times: readonly number[], atMs: number): number[] {
  const last = times.at(-1);
  const consecutive = last !== undefined && atMs - last < crashWindowMs ? times : [];
  return [...consecutive, atMs].slice(-rememberedCrashes);
}

/**
 * When a process that has crashed at `times`, the last time now, is started again: exponential backoff by the number of
 * crashes with less than 10 minutes between them, and up to a quarter more by chance.
 *
 * @param times of {@link withCrash}
 * @param random from 0 to below 1
 * @returns the delay in milliseconds, 30 s at most; `give-up` at the fifth crash within 10 minutes
 */
export function nextRestart(times: readonly number[], random: number): number | 'give-up' {
  const now = times.at(-1) ?? 0;
  const recent = times.filter((time) => now - time < crashWindowMs);
  if (recent.length >= maxCrashes) return 'give-up';
  const delayMs = firstDelayMs * 2 ** Math.max(0, times.length - 1) * (1 + jitter * random);
  return Math.min(maxDelayMs, Math.round(delayMs));
}
