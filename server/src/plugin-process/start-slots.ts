import { availableParallelism } from 'node:os';

const slots = 4 * availableParallelism();
/** A process that is slow to start for reasons of its own keeps no other one from starting for longer than this. */
const maxHoldMs = 1_000;

/**
 * Lets so many processes start at the same time as the machine has use for: a start is work for a core until the
 * handshake, and a hundred of them at once would each miss its deadline.
 */
export class StartSlots {
  #free = slots;
  readonly #waiting: (() => void)[] = [];

  /** Runs `start` as soon as there is a slot for it. Rejects as it does. */
  async run<T>(start: () => Promise<T>): Promise<T> {
    await this.#take();
    const timer = setTimeout(() => release(), maxHoldMs);
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      clearTimeout(timer);
      this.#give();
    };
    try {
      return await start();
    } finally {
      release();
    }
  }

  async #take(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    await promise;
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
