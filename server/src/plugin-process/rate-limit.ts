const secondMs = 1_000;

/** Lets so many units pass in each second, and reports what it held back, once a second at most. */
export class RateLimit {
  readonly #maxPerSecond: number;
  readonly #monotonicMs: () => number;
  readonly #onDropped: (count: number) => void;
  #second = 0;
  #taken = 0;
  #dropped = 0;
  #report: NodeJS.Timeout | undefined;

  constructor(maxPerSecond: number, monotonicMs: () => number, onDropped: (count: number) => void) {
    this.#maxPerSecond = maxPerSecond;
    this.#monotonicMs = monotonicMs;
    this.#onDropped = onDropped;
  }

  /** How many of `count` may pass. */
  take(count: number): number {
    const second = Math.floor(this.#monotonicMs() / secondMs);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    const taken = Math.min(count, this.#maxPerSecond - this.#taken);
    this.#taken += taken;
    this.#dropped += count - taken;
    if (taken < count) this.#report ??= setTimeout(() => this.report(), secondMs).unref();
    return taken;
  }

  /** Reports what was held back since the last report, if anything was. */
  report(): void {
    clearTimeout(this.#report);
    this.#report = undefined;
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#onDropped(dropped);
  }
}
