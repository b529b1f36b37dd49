/** So many may be at work at once; the others wait, in the order that they came. */
export class Slots {
  #free;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} count */
  constructor(count) {
    this.#free = count;
  }

  /**
   * @param {AbortSignal} signal ends the wait with its reason
   * @returns {Promise<void>}
   */
  async take(signal) {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    /** @type {PromiseWithResolvers<void>} */
    const { promise, resolve } = Promise.withResolvers();
    this.#waiting.push(resolve);
    try {
      await untilAborted(promise, signal);
    } catch (error) {
      const place = this.#waiting.indexOf(resolve);
      // The slot may have been given to it in the meantime.
      if (place === -1) this.release();
      else this.#waiting.splice(place, 1);
      throw error;
    }
  }

  release() {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>} rejects with the signal's reason, once that aborts
 */
export async function untilAborted(promise, signal) {
  const { promise: aborted, reject } = Promise.withResolvers();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
