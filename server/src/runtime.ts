/** Time, ids and randomness, as a parameter, so that tests can move them. */
export interface Runtime {
  now(): Date;
  /** Milliseconds of a clock that only goes forward, whatever happens to the time of day. */
  monotonicMs(): number;
  newId(): string;
  /** From 0 to below 1. */
  random(): number;
}

export const systemRuntime: Runtime = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  newId: () => crypto.randomUUID(),
  random: () => Math.random(),
};
