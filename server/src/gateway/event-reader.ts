const maxEventLength = 1024 * 1024;

/**
 * Cuts a server-sent event stream into the data of its events, whatever its chunks and line ends are. An event of more
 * than 1 MiB characters is reported as null, without being kept.
 */
export class EventReader {
  readonly #onEvent: (data: string | null) => void;
  readonly #decoder = new TextDecoder();
  /** The pieces of the line that has not ended yet. */
  #line: string[] = [];
  #data: string[] = [];
  #length = 0;
  #isBlank = true;
  #endedWithCr = false;

  constructor(onEvent: (data: string | null) => void) {
    this.#onEvent = onEvent;
  }

  push(bytes: Uint8Array): void {
    const decoded = this.#decoder.decode(bytes, { stream: true });
    if (decoded === '') return;
    // A CRLF that was cut in two is one line end.
    const text = this.#endedWithCr && decoded.startsWith('\n') ? decoded.slice(1) : decoded;
    this.#endedWithCr = decoded.endsWith('\r');
    const [first = '', ...lines] = text.split(/\r\n|\n|\r/);
    this.#append(first);
    for (const line of lines) {
      this.#endLine();
      this.#append(line);
    }
  }

  /** Reports an event that no blank line has ended. */
  end(): void {
    this.#endLine();
    this.#endEvent();
  }

  #append(piece: string): void {
    if (piece === '') return;
    this.#isBlank = false;
    this.#length += piece.length;
    if (this.#length <= maxEventLength) this.#line.push(piece);
    else this.#line = [];
  }

  #endLine(): void {
    if (this.#isBlank) this.#endEvent();
    const line = this.#line.join('');
    if (line.startsWith('data:')) this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    this.#line = [];
    this.#isBlank = true;
  }

  #endEvent(): void {
    const isTooLong = this.#length > maxEventLength;
    const data = this.#data.join('\n');
    const hasData = this.#data.length > 0;
    this.#data = [];
    this.#length = 0;
    if (isTooLong) this.#onEvent(null);
    else if (hasData) this.#onEvent(data);
  }
}
