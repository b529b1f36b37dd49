import { PluginError } from '../errors.ts';

/** Work on one key runs one after the other, in the order of arrival; different keys run in parallel. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #maxWaitMs: number;
  #isClosed = false;

  constructor(maxWaitMs = 30_000) {
    this.#maxWaitMs = maxWaitMs;
  }

  /**
   * Runs `work` when its turn comes. Rejects with PluginError PLUGIN_BUSY when that takes longer than `maxWaitMs`, or the
   * queue is closed; the work has not begun then.
   */
  async run<T>(key: string, work: () => Promise<T>, maxWaitMs = this.#maxWaitMs): Promise<T> {
    if (this.#isClosed) {
      throw new PluginError('PLUGIN_BUSY', 'The service is stopping. Try again when it has started.');
    }
    const before = this.#tails.get(key);
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    const tail = before === undefined ? done : before.then(() => done);
    this.#tails.set(key, tail);
    // Not when a waiter gives up: what it waited for still runs.
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    try {
      if (before) await this.#turn(before, key, maxWaitMs);
      return await work();
    } finally {
      finish();
    }
  }

  /** The keys that work is running or waiting on. */
  busy(): string[] {
    return [...this.#tails.keys()];
  }

  /** Whether new work is refused. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Refuses new work; what has come before still gets its turn. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when no work is running or waiting. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }

  async #turn(before: Promise<void>, key: string, maxWaitMs: number): Promise<void> {
    if (maxWaitMs === Number.POSITIVE_INFINITY) return before;
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(
        new PluginError(
          'PLUGIN_BUSY',
          `Another operation on plugin '${key}' is still running. Try again when it is done.`,
        ),
      );
    }, maxWaitMs);
    try {
      await Promise.race([before, expired]);
    } finally {
      clearTimeout(timer);
    }
  }
}
