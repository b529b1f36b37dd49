import { proportionalBytes, residentBytes } from './process-memory.ts';

const intervalMs = 1_000;

interface Watched {
  pids: () => Promise<number[]>;
  onExceeded: (bytes: number) => void;
}

/** Looks once a second whether a plugin's process holds more memory than it may. One timer for all, off while none runs. */
export class MemoryWatchdog {
  readonly #maxBytes: number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Calls `onExceeded` once, with the proportional set size of `pids` together. Returns the function that ends the watch. */
  watch(pids: Watched['pids'], onExceeded: (bytes: number) => void): () => void {
    const watched = { pids, onExceeded };
    this.#watched.add(watched);
    this.#schedule();
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size === 0) this.#cancel();
    };
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#lookAtAll(), intervalMs).unref();
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #lookAtAll(): Promise<void> {
    for (const watched of this.#watched) {
      const bytes = await this.#excess(await watched.pids());
      // It may have ended, and its pid be another's, while this was read.
      if (bytes !== null && this.#watched.delete(watched)) watched.onExceeded(bytes);
    }
    this.#cancel();
    if (this.#watched.size > 0) this.#schedule();
  }

  /** The resident set is an upper bound that costs little; only beyond the limit the share is worth reading. */
  async #excess(pids: readonly number[]): Promise<number | null> {
    const resident = await Promise.all(pids.map(residentBytes));
    if (sum(resident) <= this.#maxBytes) return null;
    const shares = await Promise.all(pids.map(proportionalBytes));
    const bytes = sum(shares.map((share, index) => share ?? resident[index] ?? null));
    return bytes > this.#maxBytes ? bytes : null;
  }
}

function sum(amounts: readonly (number | null)[]): number {
  return amounts.reduce<number>((total, amount) => total + (amount ?? 0), 0);
}
