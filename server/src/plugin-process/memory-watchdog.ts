import { proportionalBytes, residentBytes } from './process-memory.ts';

const intervalMs = 1_000;

interface Watched {
  pid: number;
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

  /** Calls `onExceeded` once, with the proportional set size. Returns the function that ends the watch. */
  watch(pid: number, onExceeded: (bytes: number) => void): () => void {
    const watched = { pid, onExceeded };
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
      const bytes = await this.#excess(watched.pid);
      // It may have ended, and its pid be another's, while this was read.
      if (bytes !== null && this.#watched.delete(watched)) watched.onExceeded(bytes);
    }
    this.#cancel();
    if (this.#watched.size > 0) this.#schedule();
  }

  /** The resident set is an upper bound that costs little; only beyond the limit the share is worth reading. */
  async #excess(pid: number): Promise<number | null> {
    const resident = await residentBytes(pid);
    if (resident === null || resident <= this.#maxBytes) return null;
    const bytes = (await proportionalBytes(pid)) ?? resident;
    return bytes > this.#maxBytes ? bytes : null;
  }
}
