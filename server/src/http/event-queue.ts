/** Hands items from a producer that does not wait to one consumer that may be slow. */
export class EventQueue<Item> implements AsyncIterable<Item> {
  readonly #waiting: Item[] = [];
  #ended = false;
  #wake: () => void = () => {};

  /** How many items wait for the consumer. */
  get length(): number {
    return this.#waiting.length;
  }

  push(item: Item): void {
    if (this.#ended) return;
    this.#waiting.push(item);
    this.#wake();
  }

  /** Drops what is waiting. */
  end(): void {
    this.#ended = true;
    this.#waiting.length = 0;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void> {
    while (!this.#ended) {
      const item = this.#waiting.shift();
      if (item !== undefined) yield item;
      else await this.#nextPush();
    }
  }

  #nextPush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}
