/** Lets so many units pass in each second of the clock, and reports what it held back. */
export class RateLimit {
  readonly #maxPerSecond: number;
  readonly #nowMs: () => number;
  readonly #onDropped: (count: number) => void;
  #second = 0;
  #taken = 0;
  #dropped = 0;

  constructor(maxPerSecond: number, nowMs: () => number, onDropped: (count: number) => void) {
    this.#maxPerSecond = maxPerSecond;
    this.#nowMs = nowMs;
    this.#onDropped = onDropped;
  }

  /** How many of `count` may pass. */
  take(count: number): number {
    const second = Math.floor(this.#nowMs() / 1_000);
    if (second !== this.#second) {
      this.report();
      this.#second = second;
      this.#taken = 0;
    }
    const taken = Math.min(count, this.#maxPerSecond - this.#taken);
    this.#taken += taken;
    this.#dropped += count - taken;
    return taken;
  }

  report(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#onDropped(dropped);
  }
}
