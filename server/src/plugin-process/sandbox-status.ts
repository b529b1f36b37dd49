import type { Readable } from 'node:stream';
import { z } from 'zod';
import { LineSplitter } from './line-splitter.ts';

const maxLineLength = 4_096;

const documentSchema = z.object({
  'child-pid': z.int().positive().optional(),
  'exit-code': z.int().optional(),
});

/** What a layer that forks says on descriptor 4: JSON documents, one a line, as of `bwrap --json-status-fd`. */
export class SandboxStatus {
  #initPid: number | null = null;
  #hasRun = false;

  constructor(stream: Readable) {
    const lines = new LineSplitter(maxLineLength, (line) => this.#read(line));
    stream
      .setEncoding('utf8')
      .on('data', (text: string) => lines.push(text))
      .on('error', () => stream.destroy());
  }

  /** The first process inside, by its number outside: every other one in there ends with it. Null until it is known. */
  get initPid(): number | null {
    return this.#initPid;
  }

  /** Whether the command inside was started, and has ended. */
  get hasRun(): boolean {
    return this.#hasRun;
  }

  #read(line: string): void {
    const { success, data } = documentSchema.safeParse(parseJson(line));
    if (!success) return;
    this.#initPid = data['child-pid'] ?? this.#initPid;
    this.#hasRun ||= data['exit-code'] !== undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
