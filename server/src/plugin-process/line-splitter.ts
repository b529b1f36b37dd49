/** Cuts text that comes in pieces into lines; one that grows too long is cut where it is. */
export class LineSplitter {
  #rest = '';
  readonly #maxLength: number;
  readonly #onLine: (text: string) => void;

  constructor(maxLength: number, onLine: (text: string) => void) {
    this.#maxLength = maxLength;
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
    if (this.#rest.length <= this.#maxLength) return;
    this.#onLine(this.#rest);
    this.#rest = '';
  }

  /** Reports a line that no line end has ended. */
  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}
