const maxFramesPerSecond = 1_000;
const maxBytesPerSecond = 8 * 1024 * 1024;
const secondMs = 1_000;

/** How fast one process may say what it was not asked for. */
export class FrameRate {
  readonly #monotonicMs: () => number;
  readonly #onExceeded: (message: string) => void;
  #second = 0;
  #frames = 0;
  #bytes = 0;
  #exceededIn = Number.NEGATIVE_INFINITY;

  /** @param onExceeded hears of the first of the seconds in a row that were too full */
  constructor(monotonicMs: () => number, onExceeded: (message: string) => void) {
    this.#monotonicMs = monotonicMs;
    this.#onExceeded = onExceeded;
  }

  /**
   * Counts a frame that was read.
   *
   * @returns for how many milliseconds nothing more is to be read
   */
  count(bytes: number): number {
    const nowMs = this.#monotonicMs();
    const second = Math.floor(nowMs / secondMs);
    if (second !== this.#second) {
      this.#second = second;
      this.#frames = 0;
      this.#bytes = 0;
    }
    this.#frames += 1;
    this.#bytes += bytes;
    if (this.#frames < maxFramesPerSecond && this.#bytes < maxBytesPerSecond) return 0;
    const isNew = second - this.#exceededIn > 1;
    this.#exceededIn = second;
    if (isNew)
      this.#onExceeded(`${this.#frames} frames of ${this.#bytes} bytes within a second: it has to wait`);
    return Math.ceil((second + 1) * secondMs - nowMs);
  }
}
