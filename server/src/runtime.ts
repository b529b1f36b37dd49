/** Time, ids and randomness, as a parameter, so that tests can move them. */
export interface Runtime {
  now(): Date;
  newId(): string;
}

export const systemRuntime: Runtime = {
  now: () => new Date(),
  newId: () => crypto.randomUUID(),
};
