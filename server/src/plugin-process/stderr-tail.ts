import type { Readable } from 'node:stream';

const maxChunkBytes = 4_096;
const maxLineLength = 500;
/** Room for what Node prints of an uncaught error: its place, its message and ten frames. */
const maxLines = 16;

/** What V8 writes before it aborts for want of memory. */
const outOfMemory = /^(FATAL ERROR:|# Fatal) .*(out of memory|Allocation failed)/;

/** The last words of a process. */
export class StderrTail {
  #lines: string[] = [];
  #saysOutOfMemory = false;

  constructor(stderr: Readable) {
    stderr.on('data', (chunk: Buffer) => this.#remember(chunk));
  }

  /** `reason`, followed by those of the last lines that it does not hold itself. */
  explain(reason: string): string {
    const lines = this.#lines.filter((line) => !reason.includes(line));
    return lines.length === 0 ? reason : `${reason}\nLast of stderr:\n${lines.join('\n')}`;
  }

  get saysOutOfMemory(): boolean {
    return this.#saysOutOfMemory;
  }

  #remember(chunk: Buffer): void {
    const text = chunk.subarray(-maxChunkBytes).toString('utf8');
    const lines = text.split('\n').map((line) => line.trim().slice(0, maxLineLength));
    this.#saysOutOfMemory ||= lines.some((line) => outOfMemory.test(line));
    this.#lines = [...this.#lines, ...lines.filter(isTelling)].slice(-maxLines);
  }
}

/** Whether a line helps to find a fault: Node's own frames, native or not, and its version do not. */
function isTelling(line: string): boolean {
  return line !== '' && !/^at .*\bnode:|^Node\.js v|^\d+: 0x[0-9a-f]+|^-+ .* stack trace -+$/i.test(line);
}
