import { PluginError } from '../errors.ts';

/** Work on one key runs one after the other, in the order of arrival; different keys run in parallel. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #maxWaitMs: number;
  #isClosed = false;

  constructor(maxWaitMs = 30_000) {
    this.#maxWaitMs = maxWaitMs;
  }

  /** Rejects with PluginError PLUGIN_BUSY when its turn does not come in time; the work has not begun then. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed)
      throw new PluginError('PLUGIN_BUSY', 'The service is stopping. Try again when it has started.');
    const before = this.#tails.get(key);
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    const tail = before === undefined ? done : before.then(() => done);
    this.#tails.set(key, tail);
    try {
      if (before) await this.#turn(before, key);
      return await work();
    } finally {
      finish();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  /** Refuses new work; what has come before still gets its turn. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when no work is running or waiting. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }

  async #turn(before: Promise<void>, key: string): Promise<void> {
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(
        new PluginError(
          'PLUGIN_BUSY',
          `Another operation on plugin '${key}' is still running. Try again when it is done.`,
        ),
      );
    }, this.#maxWaitMs);
    try {
      await Promise.race([before, expired]);
    } finally {
      clearTimeout(timer);
    }
  }
}
