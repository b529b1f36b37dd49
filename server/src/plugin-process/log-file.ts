import { appendFile, readFile, rename, rm, stat } from 'node:fs/promises';
import { errorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';

const maxFileBytes = 2 * 1024 * 1024;
const batchBytes = 128 * 1024;
/** What waits for a slow disk; what comes beyond it is lost. */
const maxWaitingBytes = 1024 * 1024;
/** How long nothing is tried after a write has failed: a full disk is not full for a moment only. */
const retryAfterMs = 5_000;

interface Options {
  /** The older of the two files has `.1` behind its name. */
  file: string;
  monotonicMs: () => number;
  logger: Logger;
  /** So many lines are in no file; the disk takes lines again. */
  onLost: (count: number) => void;
}

/** Two files of 2 MiB that lines are appended to. Never waits, never fails, and holds 1 MiB at most. */
export class LogFile {
  readonly #options: Options;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #failedAtMs: number | null = null;
  #isWriting = false;
  #batch: Promise<void> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
  }

  /** @param line with its line end */
  append(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > maxWaitingBytes || this.#isResting()) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += bytes;
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#batch = this.#writeBatch();
  }

  /** Both files, the older one first, with all that was appended. */
  async read(): Promise<string> {
    await this.settled();
    const { file } = this.#options;
    return (await Promise.all([readText(`${file}.1`), readText(file)])).join('');
  }

  /** Deletes the files, after what is being written. */
  async remove(): Promise<void> {
    await this.settled();
    await rm(this.#options.file, { force: true });
    await rm(`${this.#options.file}.1`, { force: true });
  }

  /** Resolves when all that waits now is written; what comes meanwhile is not waited for. */
  async settled(): Promise<void> {
    const batches = maxWaitingBytes / batchBytes + 1;
    for (let count = 0; count < batches && this.#isWriting; count += 1) await this.#batch;
  }

  #isResting(): boolean {
    return this.#failedAtMs !== null && this.#options.monotonicMs() - this.#failedAtMs < retryAfterMs;
  }

  /** The lines of one tick go together, and then those that came meanwhile. */
  async #writeBatch(): Promise<void> {
    await Promise.resolve();
    const batch = this.#takeBatch();
    try {
      await this.#write(batch.join(''));
      this.#recovered();
    } catch (error) {
      this.#failed(error, batch.length);
    }
    this.#isWriting = this.#waiting.length > 0;
    if (this.#isWriting) this.#batch = this.#writeBatch();
  }

  #takeBatch(): string[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((line) => (bytes += Buffer.byteLength(line)) >= batchBytes);
    const batch = this.#waiting.splice(0, end === -1 ? this.#waiting.length : end + 1);
    this.#waitingBytes -= bytes;
    return batch;
  }

  async #write(text: string): Promise<void> {
    const { file } = this.#options;
    const size = (await stat(file).catch(() => null))?.size ?? 0;
    if (size > 0 && size + Buffer.byteLength(text) > maxFileBytes) await rename(file, `${file}.1`);
    await appendFile(file, text, { mode: 0o600 });
  }

  #recovered(): void {
    if (this.#failedAtMs !== null) this.#options.logger.info('plugin-log.written-again');
    this.#failedAtMs = null;
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.#options.onLost(lost);
  }

  #failed(error: unknown, lines: number): void {
    if (this.#failedAtMs === null) this.#options.logger.error({ err: error }, 'plugin-log.write-failed');
    this.#failedAtMs = this.#options.monotonicMs();
    this.#lost += lines + this.#waiting.length;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}
